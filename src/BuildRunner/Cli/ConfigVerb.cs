using System.CommandLine;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using BuildRunner.Settings;

namespace BuildRunner.Cli;

/// <summary><c>config show [--origin]</c> and <c>config check</c>: the settings that apply here.</summary>
internal static class ConfigVerb
{
    public static Command Create(CliHost host, GlobalOptions globals)
    {
        var origin = new Option<bool>("--origin") { Description = "also where each value comes from" };
        var json = new Option<bool>("--json") { Description = "for programs: an array of objects" };
        var show = new Command("show", "the settings that apply here") { origin, json };
        show.SetAction(parsed =>
        {
            var here = globals.Apply(parsed, host);
            var settings = globals.SettingsOf(parsed, here);
            here.Print(parsed.GetValue(json) ? Json(settings) : Text(settings, parsed.GetValue(origin)));
        });
        var check = new Command("check", "whether the settings can be used");
        check.SetAction(parsed =>
        {
            var here = globals.Apply(parsed, host);
            here.Print($"{globals.SettingsOf(parsed, here).All.Count(s => s.Value is not null)} settings, no problems\n");
        });
        return new Command("config", "settings") { show, check };
    }

    private static string Text(EffectiveSettings settings, bool origin) => string.Concat(settings.All.Select(setting =>
    {
        var (key, value) = setting;
        var text = value is null ? "-" : key.Secret ? "***" : value.Text;
        return $"{key.Name} = {text}{(origin && value is not null ? $"  ({value.Origin})" : "")}\n";
    }));

    private static string Json(EffectiveSettings settings)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartArray();
            foreach (var (key, value) in settings.All)
            {
                json.WriteStartObject();
                json.WriteString("key", key.Name);
                json.WriteString("variable", key.Variable);
                json.WriteString("value", value is null ? null : key.Secret ? "***" : value.Text);
                json.WriteString("origin", value?.Origin);
                json.WriteString("default", key.Default);
                json.WriteString("description", key.Description);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        }

        return Encoding.UTF8.GetString(buffer.ToArray()) + "\n";
    }
}
