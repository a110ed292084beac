using System.Runtime.Intrinsics.X86;
using System.Security.Cryptography;
using BuildRunner.Sandbox.Wire;

namespace BuildRunner.Containers.Tests.Engine;

/// <summary>What a container wrote and nobody has fetched yet is of no use to whoever reads the disk.</summary>
public sealed class Hiding_what_waits_on_the_disk
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_cipher_is_the_one_that_others_make(bool wide)
    {
        Assert.SkipWhen(wide && !Avx2.IsSupported, "this processor has no AVX2");
        Assert.SkipUnless(ChaCha20Poly1305.IsSupported, "the cryptographic library of this machine has no ChaCha20");
        var key = RandomNumberGenerator.GetBytes(SpoolCipher.KeyLength);
        using var witness = new ChaCha20Poly1305(key);
        var ours = new SpoolCipher(key);
        foreach (var length in Enumerable.Range(0, 300).Concat([1023, 1024, 1025, SpoolRecord.MaximumLength]))
        {
            var nonce = RandomNumberGenerator.GetBytes(12);
            var plain = RandomNumberGenerator.GetBytes(length);
            var (theirs, tag) = (new byte[length], new byte[16]);
            witness.Encrypt(nonce, plain, theirs, tag);

            // The witness uses the first block for its tag.
            var bytes = plain.ToArray();
            ours.Apply(nonce, 1, bytes, wide);
            Assert.Equal(theirs, bytes);
            ours.Apply(nonce, 1, bytes, wide);
            Assert.Equal(plain, bytes);
        }
    }

    [Fact]
    public void No_two_records_are_hidden_alike()
    {
        var cipher = new SpoolCipher(RandomNumberGenerator.GetBytes(SpoolCipher.KeyLength));
        var hidden = new HashSet<string>();
        foreach (var position in new[] { 0L, 1, 13, 1 << 20, 1L << 32, 1L << 40 })
        {
            var bytes = new byte[256];
            cipher.Apply(position, bytes);
            Assert.All(Enumerable.Range(0, 4), block => Assert.True(hidden.Add(Convert.ToHexString(bytes, block * 64, 64))));
        }
    }
}
