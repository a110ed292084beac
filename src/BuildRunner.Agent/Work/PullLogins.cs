using BuildRunner.Containers.Images;
using BuildRunner.Containers.Registry;
using BuildRunner.Core.AgentContract;

namespace BuildRunner.Agent.Work;

/// <summary>What the pulls of one workflow show to registries: what the server keeps for the repository, else what this machine's credential files hold, which a
/// stranger does not get either. No container ever sees it.</summary>
/// <param name="item">The work that makes the workflow.</param>
/// <param name="start">What it says.</param>
internal sealed class PullLogins(WorkItem item, WorkTask.Start start)
{
    private const string IdentityToken = "<token>";
    private volatile IReadOnlyList<RegistryAccess> registries = start.Registries;

    private bool IsStranger => start.Grants.Stranger;

    /// <summary>Takes what came with later work: credentials may be set while a workflow goes on.</summary>
    public void Renew(IReadOnlyList<RegistryAccess> latest) => registries = latest;

    /// <summary>How to pull an image.</summary>
    public PullOptions Of(ImageReference image) => new() { Credentials = Find(image), UseCredentialFiles = !IsStranger };

    /// <summary>What a person may do about an image that the registry does not give.</summary>
    public string Advice(ImageReference image) =>
        IsStranger ? "Runs of pull requests from strangers get no credentials for registries."
        : Find(image) is null ? $"Or keep credentials for it at the server: buildrunner registry set {image.Registry} --user NAME --repo {Repository}"
        : $"What the server keeps is set anew with: buildrunner registry set {image.Registry} --user NAME --repo {Repository}";

    private string Repository => item.RunName.Split('#')[0];

    private RegistryCredentials? Find(ImageReference image) =>
        image.Transport == ImageTransport.Docker && registries.FirstOrDefault(r => r.Host.Equals(image.Registry, StringComparison.OrdinalIgnoreCase)) is { } own
            ? new RegistryCredentials(own.User == IdentityToken ? null : own.User, own.Password) { Origin = "what the server keeps for the registry" }
            : null;
}
