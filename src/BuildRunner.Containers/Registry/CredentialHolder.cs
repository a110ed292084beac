using System.Security.Cryptography;
using System.Text;

namespace BuildRunner.Containers.Registry;

/// <summary>Names holders of credentials by a keyed hash, so that what was given to whom can be written down without the credentials.</summary>
/// <param name="keyFile">Where the key is; made when it is first needed. Whoever can read it can read what it protects as well.</param>
internal sealed class CredentialHolder(string keyFile)
{
    /// <summary>The name of whoever holds these credentials; <c>-</c> without any.</summary>
    public string Of(string registry, RegistryCredentials? credentials) => credentials is null
        ? "-"
        : Convert.ToHexStringLower(HMACSHA256.HashData(Key(), Encoding.UTF8.GetBytes($"{registry}\n{credentials.User}\n{credentials.Secret}")));

    private byte[] Key()
    {
        if (!File.Exists(keyFile))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(keyFile)!);
            var fresh = $"{keyFile}.{Guid.NewGuid():N}";
            var owners = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite };
            using (var file = new FileStream(fresh, owners))
            {
                file.Write(RandomNumberGenerator.GetBytes(32));
            }

            try
            {
                File.Move(fresh, keyFile, overwrite: false);
            }
            catch (IOException)
            {
                // Somebody else was first.
                File.Delete(fresh);
            }
        }

        return File.ReadAllBytes(keyFile);
    }
}
