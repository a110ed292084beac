using System.CommandLine;
using BuildRunner.Cli.Output;
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
        var format = new Option<string>("--format") { Description = "text, json, sarif, or github: commands that GitHub's runner shows at their lines", HelpName = "HOW", DefaultValueFactory = _ => "text" }
            .Among("text", "json", "sarif", "github");
        var strict = new Option<bool>("--strict") { Description = "warnings fail too" };
        var command = new Command("lint", "find the problems of pipeline files") { files, format, strict };
        command.Aliases.Add("validate");
        command.SetAction(parsed =>
        {
            var here = globals.Apply(parsed, host);
            var style = globals.OutputStyleOf(parsed, here);
            return (int)Lint(here, parsed.GetValue(files) ?? [], parsed.GetValue(format)!, parsed.GetValue(strict), style);
        });
        return command;
    }

    private static ExitCode Lint(CliHost host, string[] files, string format, bool strict, Style style)
    {
        // Each argument is a pipeline of its own; a file counts once, also if it is named twice.
        var pipelines = (files.Length == 0 ? [null] : files.Distinct().Select(string? (f) => f)).Select(f => PipelineFiles.Find(f, host.Directory).Sources).ToList();
        var diagnostics = pipelines.SelectMany(p => Planner.Lint(p)).Distinct().ToList();
        var count = pipelines.SelectMany(p => p).DistinctBy(s => s.Path).Count();
        host.Print(format switch
        {
            "json" => LintText.Json(diagnostics),
            "sarif" => LintSarif.Write(diagnostics),
            "github" => LintGitHub.Write(diagnostics),
            _ => LintText.Text(diagnostics, count, style),
        });
        return diagnostics.Any(d => strict || d.Severity == DiagnosticSeverity.Error) ? ExitCode.InvalidFile : ExitCode.Success;
    }
}
