using System.Text;
using System.Text.Json;
using BuildRunner.Core.ApiContract;
using BuildRunner.Server.Access;
using BuildRunner.Server.Repositories;
using BuildRunner.Server.Secrets;
using BuildRunner.Server.Storage.Rows;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace BuildRunner.Server.Api;

/// <summary>Secrets and registries over the API, at each of the three levels. Values go in and never come out.</summary>
internal static class SecretsApi
{
    private const int MaxValue = 64 * 1024;
    private const int MaxName = 100;

    public static void MapSecretsApi(this IEndpointRouteBuilder routes)
    {
        MapSecrets(routes, TriggerRoutes.Secrets, TriggerRoutes.SecretByName, _ => Task.FromResult<SecretLevel>(new SecretLevel.Installation()));
        MapSecrets(routes, TriggerRoutes.SecretsOfOrganisation, TriggerRoutes.SecretOfOrganisation, OrganisationAsync);
        MapSecrets(routes, TriggerRoutes.SecretsOfRepository, TriggerRoutes.SecretOfRepository, RepositoryAsync);
        routes.Do(HttpMethods.Post, TriggerRoutes.RotateKeys, Scopes.Admin, j => j.RotatedKeys, async call =>
            new RotatedKeys(await call.Get<SecretRegister>().RotateAsync(call.Who, call.Stop)));
        MapRegistries(routes, TriggerRoutes.Registries, TriggerRoutes.RegistryByHost, _ => Task.FromResult<SecretLevel>(new SecretLevel.Installation()));
        MapRegistries(routes, TriggerRoutes.RegistriesOfOrganisation, TriggerRoutes.RegistryOfOrganisation, OrganisationAsync);
        MapRegistries(routes, TriggerRoutes.RegistriesOfRepository, TriggerRoutes.RegistryOfRepository, RepositoryAsync);
    }

    private static void MapSecrets(IEndpointRouteBuilder routes, string all, string one, Func<ApiCall, Task<SecretLevel>> levelOf)
    {
        routes.Read(all, Scopes.Admin, j => j.SecretList, async call =>
        {
            var level = await levelOf(call);
            return new ApiList<SecretInfo>([.. (await call.Get<SecretRegister>().ListAsync(level, call.Stop)).Select(InfoOf)]);
        });
        routes.Do(HttpMethods.Put, one, Scopes.Admin, json => json.SetSecret, j => j.SecretInfo, async (call, wanted) =>
        {
            var name = NameOf(call.Route("secret"));
            if (wanted.Value is { } value && (value.Length == 0 || Encoding.UTF8.GetByteCount(value) > MaxValue))
            {
                throw ApiException.Refused(ApiProblems.Request, $"a secret's value has 1 to {MaxValue} bytes");
            }

            var rules = new SecretRules { Events = wanted.Events, Branches = wanted.Branches, Images = wanted.Images };
            return await call.Get<SecretRegister>().SetAsync(await levelOf(call), name, wanted.Value, rules, call.Who, call.Stop) is { } row
                ? (StatusCodes.Status200OK, InfoOf(row))
                : throw ApiException.NotFound($"there is no secret '{name}' whose value could stay; give one");
        });
        routes.Remove(one, Scopes.Admin, async call =>
        {
            if (!await call.Get<SecretRegister>().RemoveAsync(await levelOf(call), call.Route("secret"), call.Who, call.Stop))
            {
                throw ApiException.NotFound($"there is no secret '{call.Route("secret")}' there");
            }
        });
    }

    private static void MapRegistries(IEndpointRouteBuilder routes, string all, string one, Func<ApiCall, Task<SecretLevel>> levelOf)
    {
        routes.Read(all, Scopes.Admin, j => j.RegistryList, async call =>
        {
            var level = await levelOf(call);
            return new ApiList<RegistryInfo>([.. (await call.Get<RegistryStore>().ListAsync(level, call.Stop)).Select(InfoOf)]);
        });
        routes.Do(HttpMethods.Put, one, Scopes.Admin, json => json.SetRegistry, j => j.RegistryInfo, async (call, wanted) =>
        {
            if (wanted.User.Length is 0 or > 200 || wanted.Password.Length == 0 || Encoding.UTF8.GetByteCount(wanted.Password) > MaxValue)
            {
                throw ApiException.Refused(ApiProblems.Request, "a registry needs a user and a password; write the user <token> for an identity token");
            }

            var row = await call.Get<RegistryStore>().SetAsync(await levelOf(call), HostOf(call.Route("host")), wanted.User, wanted.Password, call.Who, call.Stop);
            return (StatusCodes.Status200OK, InfoOf(row));
        });
        routes.Remove(one, Scopes.Admin, async call =>
        {
            if (!await call.Get<RegistryStore>().RemoveAsync(await levelOf(call), HostOf(call.Route("host")), call.Who, call.Stop))
            {
                throw ApiException.NotFound($"there are no credentials for '{call.Route("host")}' there");
            }
        });
    }

    private static Task<SecretLevel> OrganisationAsync(ApiCall call) => Task.FromResult<SecretLevel>(new SecretLevel.Organisation(call.Route("owner")));

    private static async Task<SecretLevel> RepositoryAsync(ApiCall call) =>
        await call.Get<RepositoryStore>().FindAsync(call.Repository, call.Stop) is { } row
            ? new SecretLevel.Repository(row.Id)
            : throw ApiException.NotFound($"there is no repository {call.Repository}");

    private static string NameOf(string name) => name.Length is > 0 and <= MaxName && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.')
        ? name
        : throw ApiException.Request($"a secret's name is 1 to {MaxName} letters, digits, dots, dashes and underscores");

    // As an image names it: docker.io for Docker's hub, whatever else it is called in credential files.
    private static string HostOf(string host)
    {
        var lowered = host.ToLowerInvariant();
        return lowered.Length is > 0 and <= 255 && Uri.TryCreate("https://" + lowered, UriKind.Absolute, out var address) && address.Authority == (address.IsDefaultPort ? address.Host : lowered)
            && lowered == address.Authority
            ? lowered is "index.docker.io" or "registry-1.docker.io" ? "docker.io" : lowered
            : throw ApiException.Request($"'{host}' is no host of a registry; write for example registry.example or registry.example:5000");
    }

    /// <summary>A secret as people see it: without its value.</summary>
    internal static SecretInfo InfoOf(SecretRow row)
    {
        var rules = JsonSerializer.Deserialize(row.Rules, StoredJson.Default.SecretRules)!;
        return new SecretInfo(row.Name, LevelWord(row.Level), rules.Events, rules.Branches, rules.Images, row.UpdatedAt, row.LastUsedAt);
    }

    private static RegistryInfo InfoOf(RegistryRow row) => new(row.Host, LevelWord(row.Level), row.User, row.UpdatedAt);

    /// <summary>The word for a level.</summary>
    internal static string LevelWord(int level) => level switch { 0 => "installation", 1 => "organisation", _ => "repository" };
}
