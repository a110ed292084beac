using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace BuildRunner.Containers.Registry;

/// <summary>Which certificates are believed from one host: the system's authorities, and those in the host's folder.</summary>
internal sealed class CertificateTrust
{
    private readonly X509Certificate2Collection _authorities = [];
    private readonly X509Certificate2Collection _own = [];
    private readonly bool _anything;

    private CertificateTrust(bool anything) => _anything = anything;

    /// <summary>Reads the folders <c>FOLDER/HOST[:PORT]</c>.</summary>
    public static CertificateTrust Load(IEnumerable<string> folders, string authority, bool insecure)
    {
        var trust = new CertificateTrust(insecure);
        foreach (var folder in folders.Select(folder => Path.Combine(folder, authority)).Where(Directory.Exists))
        {
            foreach (var file in Directory.EnumerateFiles(folder, "*.crt"))
            {
                trust._authorities.ImportFromPemFile(file);
            }

            foreach (var file in Directory.EnumerateFiles(folder, "*.cert").Where(file => File.Exists(Path.ChangeExtension(file, ".key"))))
            {
                trust._own.Add(X509Certificate2.CreateFromPemFile(file, Path.ChangeExtension(file, ".key")));
            }
        }

        return trust;
    }

    /// <summary>The options of a connection.</summary>
    public SslClientAuthenticationOptions ToOptions()
    {
        var options = new SslClientAuthenticationOptions { ClientCertificates = _own.Count > 0 ? _own : null };
        if (_anything || _authorities.Count > 0)
        {
            options.RemoteCertificateValidationCallback = (_, certificate, chain, errors) => _anything || IsTrusted(certificate, chain, errors);
        }

        return options;
    }

    private bool IsTrusted(X509Certificate? certificate, X509Chain? received, SslPolicyErrors errors)
    {
        if (errors == SslPolicyErrors.None)
        {
            return true;
        }

        // A wrong name stays wrong whoever signed it.
        if (errors != SslPolicyErrors.RemoteCertificateChainErrors || certificate is not X509Certificate2 presented)
        {
            return false;
        }

        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(_authorities);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid("1.3.6.1.5.5.7.3.1"));
        if (received is not null)
        {
            chain.ChainPolicy.ExtraStore.AddRange(received.ChainElements.Select(element => element.Certificate).ToArray());
        }

        return chain.Build(presented);
    }
}
