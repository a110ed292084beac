using System.CommandLine;
using System.Text;
using BuildRunner.Cli.Running;
using BuildRunner.Core.Files;
using BuildRunner.Core.Pipelines;

namespace BuildRunner.Cli.Init;

/// <summary><c>init</c>: a first pipeline file, guessed from the repository. Nothing that is there is changed.</summary>
internal static class InitVerb
{
    private const string FileName = ".buildrunner.yml";
    private const string SchemaName = ".buildrunner.schema.json";

    public static Command Create(CliHost host, GlobalOptions globals)
    {
        var print = new Option<bool>("--print") { Description = "write the file to standard output, and nothing else" };
        var command = new Command("init", "write a first pipeline file, guessed from the repository") { print };
        command.SetAction(parsed => Run(globals.Apply(parsed, host), parsed.GetValue(print)));
        return command;
    }

    private static void Run(CliHost host, bool print)
    {
        var top = GitTree.TopOf(host.Directory) ?? host.Directory;
        var steps = RepositoryGuess.Steps(new RepositoryFiles(top));

        // A server knows the schema of the version that it runs; otherwise the editor gets this version's.
        var server = host.Environment.GetValueOrDefault("BUILDRUNNER_SERVER")?.TrimEnd('/');
        var text = FirstFile.Write(steps, string.IsNullOrEmpty(server) ? SchemaName : $"{server}/schema/pipeline.json");
        if (print)
        {
            host.Print(text);
            return;
        }

        Refuse(top);
        WriteNew(Path.Combine(top, FileName), text);
        host.Say($"{FileName}: {(steps.Count == 0 ? "nothing known was found, so it holds a step that greets" : $"for {string.Join(" and ", steps.Select(s => s.Language))}")}\n");
        if (string.IsNullOrEmpty(server) && !Path.Exists(Path.Combine(top, SchemaName)))
        {
            WriteNew(Path.Combine(top, SchemaName), PipelineSchema.ToJson());
            host.Say($"{SchemaName}: completes and checks it in editors\n");
        }

        host.Say("'buildrunner run' runs it here\n");
    }

    // Also a file in a place that would be looked at later: a new one would hide it.
    private static void Refuse(string top)
    {
        var there = PipelineLocator.Places.Select(place => Path.Combine(top, place))
            .SelectMany(path => path.EndsWith('/') && Directory.Exists(path) ? Directory.EnumerateFiles(path).Where(f => Path.GetExtension(f) is ".yml" or ".yaml") : Path.Exists(path) && !path.EndsWith('/') ? [path] : [])
            .FirstOrDefault();
        if (there is not null)
        {
            throw new CliException(ExitCode.Usage, $"{Path.GetRelativePath(top, there)} is there already, and is what would be run; 'buildrunner lint' checks it");
        }
    }

    private static void WriteNew(string path, string text)
    {
        try
        {
            using var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write);
            file.Write(Encoding.UTF8.GetBytes(text));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException(ExitCode.Usage, $"{path} cannot be written: {PathTrouble.OfFile(path, e)}");
        }
    }
}
