using BuildRunner.Server.Secrets;
using BuildRunner.Settings;

namespace BuildRunner.Hosting;

/// <summary>Finds the keys that seal secrets. They are never in the data folder: whoever has a backup of that has no secret.</summary>
internal static class ServerSecrets
{
    /// <summary>The keys of the settings; the present one is made at the first start.</summary>
    public static KeyRing Keys(EffectiveSettings settings, string dataDirectory, IReadOnlyDictionary<string, string> environment, List<string> problems)
    {
        var previous = new List<MasterKey>();
        foreach (var text in settings.List(ServerKeys.PreviousKeys))
        {
            if (MasterKey.TryParse(text, out var key, out var problem))
            {
                previous.Add(key);
            }
            else
            {
                problems.Add($"{ServerKeys.PreviousKeys}: {problem}");
            }
        }

        return new KeyRing(Current(settings, dataDirectory, environment, problems), previous);
    }

    /// <summary>Where the present key lies, if no setting holds it.</summary>
    public static string PathOfKey(EffectiveSettings settings, IReadOnlyDictionary<string, string> environment) =>
        Path.GetFullPath(settings.Text(ServerKeys.MasterKeyFile) ?? Path.Combine(StandardFolders.Configuration(environment), "master.key"));

    private static MasterKey Current(EffectiveSettings settings, string dataDirectory, IReadOnlyDictionary<string, string> environment, List<string> problems)
    {
        if (settings.Text(ServerKeys.MasterKey) is { } text)
        {
            if (MasterKey.TryParse(text, out var key, out var problem))
            {
                return key;
            }

            problems.Add($"{ServerKeys.MasterKey}: {problem}");
            return MasterKey.Generate();
        }

        var path = PathOfKey(settings, environment);
        if (path.StartsWith(dataDirectory.TrimEnd('/') + "/", StringComparison.Ordinal))
        {
            problems.Add($"{ServerKeys.MasterKeyFile}: {path} is in the data directory, whose backups must not hold the key; name a file outside of {dataDirectory}");
            return MasterKey.Generate();
        }

        try
        {
            return MasterKeyFile.ReadOrCreate(path);
        }
        catch (SecretException e)
        {
            // Reported with the other problems.
            problems.Add($"{e.Message}; or set {ServerKeys.MasterKeyFile}");
            return MasterKey.Generate();
        }
    }
}
