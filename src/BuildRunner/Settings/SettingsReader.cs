using System.Text.Json;

namespace BuildRunner.Settings;

/// <summary>Puts the settings together; later sources win: defaults, <c>appsettings.json</c> beside the program, the machine's file (or <c>--config</c>),
/// the environment, the command line (ux.md B.5). An unknown key or an unusable value stops the start, all of them at once.</summary>
internal sealed class SettingsReader
{
    /// <summary>The machine's file.</summary>
    public const string MachineFile = "/etc/buildrunner/buildrunner.json";

    private const string Prefix = "BUILDRUNNER_";

    private readonly Dictionary<string, SettingValue> _values = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<string> _problems = [];

    private SettingsReader()
    {
    }

    /// <summary>Reads all sources.</summary>
    /// <param name="configFile">What <c>--config</c> named; it must exist. Null: the machine's file if it exists.</param>
    /// <param name="environment">The environment.</param>
    /// <param name="commandLine">Settings given as flags, by key.</param>
    /// <exception cref="SettingsException">Something cannot be used.</exception>
    public static EffectiveSettings Read(
        string? configFile,
        IEnumerable<KeyValuePair<string, string>> environment,
        IEnumerable<KeyValuePair<string, string>>? commandLine = null)
    {
        var reader = new SettingsReader();
        foreach (var key in SettingKeys.All.Where(k => k.Default is not null))
        {
            reader._values[key.Name] = new SettingValue(key.Default!, "default");
        }

        reader.ReadFile(Path.Combine(AppContext.BaseDirectory, "appsettings.json"), required: false);
        reader.ReadFile(configFile ?? MachineFile, required: configFile is not null);
        reader.ReadEnvironment(environment);
        foreach (var (name, value) in commandLine ?? [])
        {
            reader.Set(name, value, "command line");
        }

        return reader._problems.Count == 0 ? new EffectiveSettings(reader._values) : throw new SettingsException(reader._problems);
    }

    private void ReadFile(string path, bool required)
    {
        if (!File.Exists(path))
        {
            if (required)
            {
                _problems.Add($"{path}: there is no such file");
            }

            return;
        }

        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path), new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
            ReadElement(document.RootElement, "", path);
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            // Reported with the other problems; the caller ends with all of them.
            _problems.Add($"{path}: {e.Message}");
        }
    }

    private void ReadElement(JsonElement element, string name, string path)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                foreach (var property in element.EnumerateObject().Where(p => !(name.Length == 0 && p.Name == "$schema")))
                {
                    ReadElement(property.Value, name.Length == 0 ? property.Name : $"{name}:{property.Name}", path);
                }

                break;
            case JsonValueKind.Array:
                Set(name, string.Join(',', element.EnumerateArray().Select(e => e.ToString())), path);
                break;
            case JsonValueKind.Null:
                break;
            default:
                Set(name, element.ValueKind is JsonValueKind.True or JsonValueKind.False ? element.GetBoolean() ? "true" : "false" : element.ToString(), path);
                break;
        }
    }

    private void ReadEnvironment(IEnumerable<KeyValuePair<string, string>> environment)
    {
        foreach (var (variable, value) in environment.OrderBy(v => v.Key, StringComparer.Ordinal))
        {
            if (!variable.StartsWith(Prefix, StringComparison.Ordinal) || !variable.Contains("__", StringComparison.Ordinal))
            {
                continue;
            }

            var name = variable[Prefix.Length..].Replace("__", ":", StringComparison.Ordinal);
            if (Find(name) is null && name.EndsWith("_FILE", StringComparison.OrdinalIgnoreCase) && Find(name[..^"_FILE".Length]) is { Secret: true } secret)
            {
                SetFromFile(secret, value, variable);
            }
            else
            {
                Set(name, value, variable);
            }
        }
    }

    private void SetFromFile(SettingKey key, string path, string variable)
    {
        try
        {
            Set(key.Name, File.ReadAllText(path).TrimEnd('\r', '\n'), $"{variable} ({path})");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Reported with the other problems; the caller ends with all of them.
            _problems.Add($"{variable}: {e.Message}");
        }
    }

    private void Set(string name, string text, string origin)
    {
        if (Find(name) is not { } key)
        {
            _problems.Add($"{origin}: there is no setting '{name}'. {(NearestSetting.To(name) is { } near ? $"Did you mean '{near}'?" : "'buildrunner config show' lists all")}");
            return;
        }

        if (SettingText.ProblemWith(key, text) is { } problem)
        {
            _problems.Add($"{origin}: {key.Name} {problem}; it is '{(key.Secret ? "***" : text)}'");
            return;
        }

        _values[key.Name] = new SettingValue(key.Choices.FirstOrDefault(c => c.Equals(text, StringComparison.OrdinalIgnoreCase)) ?? text, origin);
    }

    private static SettingKey? Find(string name) => SettingKeys.All.FirstOrDefault(k => k.Name.Equals(name, StringComparison.OrdinalIgnoreCase));
}
