using System.Security.Cryptography;
using System.Text;
using BuildRunner.Server.Secrets;
using Microsoft.AspNetCore.DataProtection;

namespace BuildRunner.Server.Access;

/// <summary>Protects what the framework hands out to browsers with the master key: all servers of an installation can read it, and no key lies in a file of its own.</summary>
internal sealed class SealedProtection(KeyRing keys, string purpose) : IDataProtector
{
    public IDataProtector CreateProtector(string purpose1) => new SealedProtection(keys, $"{purpose}\n{purpose1}");

    public byte[] Protect(byte[] plaintext) => keys.Seal(plaintext, Place);

    public byte[] Unprotect(byte[] protectedData)
    {
        try
        {
            return keys.Open(protectedData, Place);
        }
        catch (SecretException e)
        {
            // What a browser sent is not ours, or of a key that is gone: the framework expects this exception.
            throw new CryptographicException(e.Message, e);
        }
    }

    private byte[] Place => Encoding.UTF8.GetBytes("browser\n" + purpose);
}
