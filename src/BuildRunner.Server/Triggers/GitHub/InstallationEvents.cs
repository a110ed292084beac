namespace BuildRunner.Server.Triggers.GitHub;

/// <summary>What the app may see changes.</summary>
internal static class InstallationEvents
{
    // More than these are asked for.
    private const int MaxRepositories = 1000;

    /// <summary>Reads an event about an installation.</summary>
    public static (Trigger Trigger, string Key) Read(Payload payload, string name, string action)
    {
        var installation = payload.Id("installation.id");
        var repositories = payload.Items("repositories").Concat(payload.Items("repositories_added")).Concat(payload.Items("repositories_removed"))
            .Take(MaxRepositories).Select(repository => repository.OptionalId("id") ?? 0).Where(id => id > 0).ToList();
        var key = EventKey.Of(name, [payload.Raw("installation.id"), action, payload.Raw("installation.updated_at"), .. repositories.Select(id => $"{id}")]);
        return (new Trigger.InstallationChanged(installation, payload.Person("installation.account"), action, repositories), key);
    }

    /// <summary>Reads an event about a repository.</summary>
    public static (Trigger Trigger, string Key) ReadRepository(Payload payload, string action) =>
        (new Trigger.RepositoryChanged(payload.Repository(), action), EventKey.Of("repository", payload.Raw("repository.id"), action, payload.Raw("repository.updated_at")));
}
