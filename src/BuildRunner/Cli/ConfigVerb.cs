using System.CommandLine;
using BuildRunner.Settings;

namespace BuildRunner.Cli;

/// <summary><c>config show [--origin]</c> and <c>config check</c>: the settings that apply here.</summary>
internal static class ConfigVerb
{
    public static Command Create(CliHost host, GlobalOptions globals)
    {
        var origin = new Option<bool>("--origin") { Description = "also where each value comes from" };
        var show = new Command("show", "the settings that apply here") { origin };
        show.SetAction(parsed =>
        {
            var here = globals.Apply(parsed, host);
            here.Print(Text(globals.SettingsOf(parsed, here), parsed.GetValue(origin)));
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
}
