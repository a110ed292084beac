namespace BuildRunner.Core.ApiContract;

/// <summary>The paths of the API about what starts runs, and what they get: secrets, registries, schedules, webhooks. As <see cref="ApiRoutes"/>.</summary>
/// <remarks>Secrets and registries are at three levels with the same calls: the installation, an organisation (<c>/orgs/OWNER</c>) and a repository. The nearest one of a name counts.</remarks>
public static class TriggerRoutes
{
    /// <summary>GET → <see cref="ApiList{T}"/> of <see cref="SecretInfo"/>, scope admin. Values never come back.</summary>
    public const string Secrets = ApiRoutes.Prefix + "/secrets";

    /// <summary>PUT <see cref="SetSecret"/> → <see cref="SecretInfo"/>, admin; one of that name is replaced. DELETE → 204, admin.</summary>
    public const string SecretByName = Secrets + "/{secret}";

    /// <summary>POST → <see cref="RotatedKeys"/>, admin: everything that is sealed with an earlier master key is sealed with the present one.</summary>
    public const string RotateKeys = ApiRoutes.Prefix + "/rotate-keys";

    /// <summary>As <see cref="Secrets"/>, of an organisation.</summary>
    public const string SecretsOfOrganisation = ApiRoutes.Prefix + "/orgs/{owner}/secrets";

    /// <summary>As <see cref="SecretByName"/>, of an organisation.</summary>
    public const string SecretOfOrganisation = SecretsOfOrganisation + "/{secret}";

    /// <summary>As <see cref="Secrets"/>, of a repository.</summary>
    public const string SecretsOfRepository = ApiRoutes.RepositoryByName + "/secrets";

    /// <summary>As <see cref="SecretByName"/>, of a repository.</summary>
    public const string SecretOfRepository = SecretsOfRepository + "/{secret}";

    /// <summary>GET → <see cref="ApiList{T}"/> of <see cref="RegistryInfo"/>, admin. Passwords never come back, and no step sees them.</summary>
    public const string Registries = ApiRoutes.Prefix + "/registries";

    /// <summary>PUT <see cref="SetRegistry"/> → <see cref="RegistryInfo"/>, admin. DELETE → 204, admin. <c>{host}</c>: host, or host and port.</summary>
    public const string RegistryByHost = Registries + "/{host}";

    /// <summary>As <see cref="Registries"/>, of an organisation.</summary>
    public const string RegistriesOfOrganisation = ApiRoutes.Prefix + "/orgs/{owner}/registries";

    /// <summary>As <see cref="RegistryByHost"/>, of an organisation.</summary>
    public const string RegistryOfOrganisation = RegistriesOfOrganisation + "/{host}";

    /// <summary>As <see cref="Registries"/>, of a repository.</summary>
    public const string RegistriesOfRepository = ApiRoutes.RepositoryByName + "/registries";

    /// <summary>As <see cref="RegistryByHost"/>, of a repository.</summary>
    public const string RegistryOfRepository = RegistriesOfRepository + "/{host}";

    /// <summary>GET → <see cref="ApiList{T}"/> of <see cref="ScheduleInfo"/>, read.</summary>
    public const string Schedules = ApiRoutes.RepositoryByName + "/schedules";

    /// <summary>PUT <see cref="SetSchedule"/> → <see cref="ScheduleInfo"/>, admin. DELETE → 204, admin.</summary>
    public const string ScheduleByName = Schedules + "/{schedule}";

    /// <summary>POST → <see cref="ScheduleInfo"/>, run: it is due no more until it is resumed; what it misses meanwhile is not made up for.</summary>
    public const string SchedulePause = ScheduleByName + "/pause";

    /// <summary>POST → <see cref="ScheduleInfo"/>, run.</summary>
    public const string ScheduleResume = ScheduleByName + "/resume";

    /// <summary>POST → <see cref="RunSummary"/>, run: as if it were due now.</summary>
    public const string ScheduleRun = ScheduleByName + "/run";

    /// <summary>GET → <see cref="ApiList{T}"/> of <see cref="HookInfo"/>, admin.</summary>
    public const string Hooks = ApiRoutes.RepositoryByName + "/hooks";

    /// <summary>PUT <see cref="SetHook"/> → <see cref="CreatedHook"/>, admin; the secret is in it when it was made by this call. DELETE → 204, admin.</summary>
    public const string HookByName = Hooks + "/{hook}";

    /// <summary>POST → <see cref="CreatedHook"/>, admin: a new secret; the one before it counts until the next rotation.</summary>
    public const string HookRotate = HookByName + "/rotate";

    /// <summary>GET → <see cref="ApiList{T}"/> of <see cref="DeliveryInfo"/>, admin. Query: <c>source</c>, <c>limit</c> (1 to 200, 50 if not given). Newest first.</summary>
    public const string Deliveries = ApiRoutes.Prefix + "/deliveries";

    /// <summary>GET → <see cref="ApiList{T}"/> of <see cref="RefusedInfo"/>, admin: what was refused and therefore is not among the deliveries, counted for each place that takes them.</summary>
    public const string Refused = ApiRoutes.Prefix + "/refused-deliveries";

    /// <summary>POST → <see cref="DeliveryInfo"/>, admin: it is carried out again. What it started once it does not start again.</summary>
    public const string DeliveryReplay = Deliveries + "/{id}/replay";

    /// <summary>POST, from GitHub, signed; no token. 202 once it is stored, also the second time.</summary>
    public const string GitHub = "/hooks/github";

    /// <summary>POST, from whoever has the endpoint's secret; no token. 202 once it is stored, also the second time.</summary>
    public const string Hook = "/hooks/in/{hook}";
}
