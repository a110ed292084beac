using System.CommandLine;
using BuildRunner.Cli.Output;
using BuildRunner.Containers.Engine;

namespace BuildRunner.Cli;

/// <summary><c>doctor</c>: whether this machine can run pipelines, one line for each thing that was checked, with a remedy.</summary>
internal static class DoctorVerb
{
    // Less than this and a build of any size ends for lack of space.
    private const long FewBytes = 5L << 30;

    public static Command Create(CliHost host, GlobalOptions globals)
    {
        var command = new Command("doctor", "check whether this machine can run pipelines");
        command.SetAction(async (parsed, token) =>
        {
            var here = globals.Apply(parsed, host);
            await using var engine = here.NewEngine(globals.SettingsOf(parsed, here), here);
            var readiness = await engine.ProbeAsync(token);
            here.Print(Text([.. readiness.Checks, Disk(here.Directory)], Style.Choose(parsed.GetValue(globals.Colour) ?? "auto", here.Environment, here.Terminal.OutputIsTerminal)));
            return (int)(readiness.Usable ? ExitCode.Success : ExitCode.Error);
        });
        return command;
    }

    /// <summary>The checks, one line each: sign, name, what was found, and behind an arrow what to do.</summary>
    public static string Text(IReadOnlyList<ReadinessCheck> checks, Style style)
    {
        var width = checks.Max(c => c.Name.Length);
        var arrow = style.Unicode ? "→" : "->";
        return string.Concat(checks.Select(c => $"{Sign(c.Status, style)} {c.Name.PadRight(width)}  {c.Detail}{(c.Remedy is null ? "" : $" {arrow} {c.Remedy}")}\n"));
    }

    private static string Sign(ReadinessStatus status, Style style) => status switch
    {
        ReadinessStatus.Ok => style.Green(style.Unicode ? "✓" : "ok"),
        ReadinessStatus.Warning => style.Warning,
        _ => style.Red(style.Unicode ? "✗" : "x"),
    };

    private static ReadinessCheck Disk(string directory)
    {
        var free = new DriveInfo(directory).AvailableFreeSpace;
        var found = $"{free / (double)(1L << 30):0.0} GiB free at {directory}";
        return free >= FewBytes
            ? new ReadinessCheck("disk", ReadinessStatus.Ok, found)
            : new ReadinessCheck("disk", ReadinessStatus.Warning, found, "remove what is not needed; 'buildrunner image rm' removes images");
    }
}
