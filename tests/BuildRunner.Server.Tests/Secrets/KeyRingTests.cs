using System.Text;
using BuildRunner.Server.Secrets;
using CsCheck;

namespace BuildRunner.Server.Tests.Secrets;

public sealed class KeyRingTests
{
    private static readonly byte[] Place = "here"u8.ToArray();

    [Fact]
    public void What_was_sealed_opens() => Gen.Select(Gen.Byte.Array[0, 5000], Gen.Byte.Array[0, 50]).Sample((value, place) =>
    {
        var ring = new KeyRing(MasterKey.Generate(), []);
        return ring.Open(ring.Seal(value, place), place).AsSpan().SequenceEqual(value);
    }, iter: 200);

    [Fact]
    public void It_is_not_in_the_clear_and_never_twice_the_same()
    {
        var ring = new KeyRing(MasterKey.Generate(), []);
        var canary = "a canary that sings in a sealed box"u8.ToArray();
        var (first, second) = (ring.Seal(canary, Place), ring.Seal(canary, Place));
        Assert.Equal(-1, first.AsSpan().IndexOf(canary.AsSpan(0, 4)));
        Assert.NotEqual(first, second);
    }

    [Fact]
    public void Every_bit_of_the_box_counts()
    {
        var ring = new KeyRing(MasterKey.Generate(), []);
        var box = ring.Seal("value"u8, Place);
        for (var bit = 0; bit < box.Length * 8; bit++)
        {
            var changed = box.ToArray();
            changed[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Throws<SecretException>(() => ring.Open(changed, Place));
        }
    }

    [Fact]
    public void A_box_that_is_cut_short_does_not_open()
    {
        var ring = new KeyRing(MasterKey.Generate(), []);
        var box = ring.Seal("value"u8, Place);
        for (var length = 0; length < box.Length; length++)
            Assert.Equal(SecretFault.Damaged, Assert.Throws<SecretException>(() => ring.Open(box.AsSpan(0, length), Place)).Fault);
    }

    [Fact]
    public void A_box_does_not_open_in_another_place()
    {
        var ring = new KeyRing(MasterKey.Generate(), []);
        var box = ring.Seal("value"u8, new SecretLevel.Repository(Guid.Empty).Place("token"));
        Assert.Throws<SecretException>(() => ring.Open(box, new SecretLevel.Installation().Place("token")));
        Assert.Throws<SecretException>(() => ring.Open(box, new SecretLevel.Repository(Guid.Empty).Place("token2")));
        Assert.Equal("value", Encoding.UTF8.GetString(ring.Open(box, new SecretLevel.Repository(Guid.Empty).Place("TOKEN"))));
    }

    [Fact]
    public void After_a_rotation_old_boxes_open_with_the_previous_key_and_then_without_it()
    {
        var (oldKey, newKey) = (MasterKey.Generate(), MasterKey.Generate());
        var old = new KeyRing(oldKey, []).Seal("value"u8, Place);
        var both = new KeyRing(newKey, [oldKey]);
        Assert.Equal("value"u8.ToArray(), both.Open(old, Place));

        var resealed = both.Reseal(old, Place);
        Assert.NotNull(resealed);
        Assert.Equal(newKey.Id, KeyRing.KeyIdOf(resealed));
        Assert.Equal("value"u8.ToArray(), new KeyRing(newKey, []).Open(resealed, Place));
        Assert.Null(both.Reseal(resealed, Place));
    }

    [Fact]
    public void Without_its_key_a_box_says_which_one_is_missing()
    {
        var oldKey = MasterKey.Generate();
        var box = new KeyRing(oldKey, []).Seal("value"u8, Place);
        var refused = Assert.Throws<SecretException>(() => new KeyRing(MasterKey.Generate(), []).Open(box, Place));
        Assert.Equal(SecretFault.UnknownKey, refused.Fault);
        Assert.Contains(oldKey.Id, refused.Message);
    }
}
