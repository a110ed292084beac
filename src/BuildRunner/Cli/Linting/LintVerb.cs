using System.CommandLine;
using BuildRunner.Cli.Running;
using BuildRunner.Core.Pipelines;
using BuildRunner.Core.Planning;

namespace BuildRunner.Cli.Linting;

/// <summary><c>lint [FILE…]</c>: every problem of the files, with code, place and hint.</summary>
internal static class LintVerb
{
    public static Command Create(CliHost host, GlobalOptions globals)
    {
        var files = new Argument<string[]>("FILE") { Description = "files or directories; what this directory has if left out", Arity = ArgumentArity.ZeroOrMore };
        var format = new Option<string>("--format") { Description = "text or json", DefaultValueFactory = _ => "text" }.Among("text", "json");
        var strict = new Option<bool>("--strict") { Description = "warnings fail too" };
        var command = new Command("lint", "find the problems of pipeline files") { files, format, strict };
        command.Aliases.Add("validate");
        command.SetAction(parsed => (int)Lint(globals.Apply(parsed, host), parsed.GetValue(files) ?? [], parsed.GetValue(format)!, parsed.GetValue(strict)));
        return command;
    }

    private static ExitCode Lint(CliHost host, string[] files, string format, bool strict)
    {
        // Each argument is a pipeline of its own; a file counts once, also if it is named twice.
        var pipelines = (files.Length == 0 ? [null] : files.Distinct().Select(string? (f) => f)).Select(f => PipelineFiles.Find(f, host.Directory).Sources).ToList();
        var diagnostics = pipelines.SelectMany(p => Planner.Lint(p)).Distinct().ToList();
        var count = pipelines.SelectMany(p => p).DistinctBy(s => s.Path).Count();
        host.Print(format == "json" ? LintText.Json(diagnostics) : LintText.Text(diagnostics, count));
        return diagnostics.Any(d => strict || d.Severity == DiagnosticSeverity.Error) ? ExitCode.InvalidFile : ExitCode.Success;
    }
}
