using System.CommandLine;
using BuildRunner.Cli.Running;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Engine.Kept;
using BuildRunner.Core.Runs;
using BuildRunner.Settings;

namespace BuildRunner.Cli.LocalRuns;

/// <summary><c>clean</c>: removes what runs of this machine left: of killed ones everything, kept containers, and with <c>--logs</c> stored logs.</summary>
internal static class CleanVerb
{
    public static Command Create(CliHost host, GlobalOptions globals)
    {
        var engine = new Option<string>("--engine") { Description = "container engine: oci or docker", HelpName = "KIND" }.Among("oci", "docker", "dummy");
        var logs = new Option<bool>("--logs") { Description = "also the stored logs of local runs" };
        var dry = new Option<bool>("--dry-run") { Description = "remove nothing; say what is kept" };
        var command = new Command("clean", "remove what runs left on this machine: of killed ones everything, and kept containers") { engine, logs, dry };
        command.SetAction(async (parsed, token) =>
        {
            var here = globals.Apply(parsed, host);
            var kind = parsed.GetValue(engine);
            var settings = globals.SettingsOf(parsed, here, kind is null ? null : [new(SettingKeys.EngineKind, kind)]);
            here.ReexecRootless?.Invoke(settings, here, false);
            await using var made = here.NewEngine(settings, here);
            if (parsed.GetValue(dry))
            {
                here.Print(string.Concat((made.Kept?.List() ?? []).Select(k => Line(k) + "\n")));
                return (int)ExitCode.Success;
            }

            return (int)await CleanAsync(here, settings, made, parsed.GetValue(logs), token);
        });
        return command;
    }

    /// <summary>One line about a kept container.</summary>
    public static string Line(KeptContainer kept) =>
        $"{kept.Id}  {kept.Workflow}/{kept.Step}  {kept.Outcome}  {kept.At.UtcDateTime:yyyy-MM-dd HH:mm}Z  {kept.Image}{(kept.Tree is null ? "" : $"  {kept.Tree}")}";

    private static async Task<ExitCode> CleanAsync(CliHost host, EffectiveSettings settings, IContainerEngine engine, bool logs, CancellationToken cancellationToken)
    {
        RunFolder.RemoveDead();
        var groups = await engine.ReapAsync(LocalRun.Owner, cancellationToken);
        var all = engine.Kept?.List() ?? [];
        var kept = engine.Kept is { } keeping ? await keeping.RemoveAsync(_ => true, cancellationToken) : 0;
        var runs = logs ? LocalRuns.Of(settings, host).Prune(0, host.Time.GetUtcNow()) : 0;
        host.Print($"{Counts.Of(groups, "workflow")} of killed runs, {Counts.Of(kept, "kept container")}{(logs ? $", logs of {Counts.Of(runs, "run")}" : "")} removed\n");
        if (kept < all.Count)
        {
            host.Say($"buildrunner: {Counts.Of(all.Count - kept, "kept container")} in use; end the shells in them, and clean again\n");
            return ExitCode.Error;
        }

        return ExitCode.Success;
    }
}
