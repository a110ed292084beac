using BuildRunner.Core.ApiContract;
using BuildRunner.Server.Api;
using BuildRunner.Server.Secrets;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.DependencyInjection;

namespace BuildRunner.Server.Pages;

/// <summary>For administrators: the secrets and registries that a repository's steps may get, by name. Values never come back.</summary>
public sealed class SecretsPage : SitePage
{
    /// <summary><c>owner/name</c>.</summary>
    public string Name { get; private set; } = "";

    /// <summary>The secrets, nearest level first; of a name the first one counts.</summary>
    public IReadOnlyList<SecretInfo> Secrets { get; private set; } = [];

    /// <summary>The registries, nearest level first.</summary>
    public IReadOnlyList<(string Host, string User, string Level)> Registries { get; private set; } = [];

    /// <summary>Answers the page.</summary>
    public async Task<IActionResult> OnGetAsync(string owner, string name)
    {
        if (!IsAdministrator)
        {
            return Forbid();
        }

        var services = HttpContext.RequestServices;
        if (await RepositoryAsync(owner, name) is not { } repository)
        {
            return NotFound();
        }

        Name = repository.Name;
        Title = $"Secrets · {Name} · BuildRunner";
        var (secrets, registries) = (new List<SecretInfo>(), new List<(string, string, string)>());
        foreach (var level in new SecretLevel[] { new SecretLevel.Repository(repository.Id), new SecretLevel.Organisation(owner), new SecretLevel.Installation() })
        {
            secrets.AddRange((await services.GetRequiredService<SecretRegister>().ListAsync(level, Gone)).Select(SecretsApi.InfoOf));
            registries.AddRange((await services.GetRequiredService<RegistryStore>().ListAsync(level, Gone)).Select(r => (r.Host, r.User, SecretsApi.LevelWord(r.Level))));
        }

        (Secrets, Registries) = (secrets, registries);
        return Page();
    }
}
