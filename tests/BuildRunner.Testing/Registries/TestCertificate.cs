using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace BuildRunner.Testing.Registries;

/// <summary>A certificate for <c>127.0.0.1</c>, <c>localhost</c> and <see cref="Elsewhere"/>, signed by an authority that nobody knows.</summary>
public sealed record TestCertificate(string AuthorityPem, string CertificatePem, string KeyPem)
{
    /// <summary>The authority's name.</summary>
    public const string Authority = "CN=Test authority";

    /// <summary>A name that leads nowhere, for those who are connected by others.</summary>
    public const string Elsewhere = "registry.example";

    public static TestCertificate Create()
    {
        var from = TimeProvider.System.GetUtcNow().AddMinutes(-5);
        using var authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var authority = new CertificateRequest(Authority, authorityKey, HashAlgorithmName.SHA256);
        authority.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var issuer = authority.CreateSelfSigned(from, from.AddDays(1));

        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=127.0.0.1", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        names.AddDnsName("localhost");
        names.AddDnsName(Elsewhere);
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.Create(issuer, from, from.AddHours(12), RandomNumberGenerator.GetBytes(8));
        return new TestCertificate(issuer.ExportCertificatePem(), certificate.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem());
    }
}
