using BuildRunner.Core.Pipelines;
using BuildRunner.Core.Planning;

namespace BuildRunner.Cli.Running;

/// <summary>Finds the pipeline files of a tree (language.md, "Where files are looked for").</summary>
internal static class PipelineFiles
{
    // The planner refuses what is longer; reading more would only cost memory.
    private const int MaxBytes = 1024 * 1024;

    /// <summary>Reads what <paramref name="argument"/> names: a file, a directory in which to look, or null for the directory in which the verb works.</summary>
    /// <exception cref="CliException">There is no such file or directory, or none of the places holds a pipeline.</exception>
    public static (IReadOnlyList<PipelineSource> Sources, string Tree) Find(string? argument, string directory)
    {
        var path = Path.GetFullPath(argument ?? ".", directory);
        if (File.Exists(path))
        {
            // A pipe, such as /dev/stdin, comes from nowhere: the tree is where the verb works.
            var tree = IsBelow(path, "/dev") || IsBelow(path, "/proc") ? GitTree.TopOf(directory) ?? directory : GitTree.TopOf(Path.GetDirectoryName(path)!) ?? (IsBelow(path, directory) ? directory : Path.GetDirectoryName(path)!);
            return ([Read(path, tree)], tree);
        }

        if (!Directory.Exists(path))
        {
            throw new CliException(ExitCode.Usage, $"{argument}: there is no such file or directory");
        }

        var top = argument is null ? GitTree.TopOf(path) ?? path : path;

        // Files are called as somebody in this directory, or at the top of the repository, would call them.
        var names = GitTree.TopOf(path) ?? (IsBelow(path, directory) ? directory : path);
        var files = PipelineLocator.Find(PipelineLocator.Places.SelectMany(place => In(top, place)));
        if (files.Count > 0)
        {
            return ([.. files.Select(f => Read(Path.Combine(top, f), names))], top);
        }

        if (argument is not null && OfFolder(path) is { Count: > 0 } own)
        {
            return ([.. own.Select(f => Read(f, names))], names);
        }

        throw new CliException(
            ExitCode.Usage,
            $"there is no pipeline in {top}: looked for .buildrunner/*.yml, .buildrunner.yml, .woodpecker/*.yml, .woodpecker.yml and pipelines/*.yml; "
            + "name a file, or make one with 'buildrunner init'");
    }

    // A folder of pipeline files that was named itself, such as .woodpecker. YAML files at the top of a repository are something else.
    private static List<string> OfFolder(string path) => Path.Exists(Path.Combine(path, ".git"))
        ? []
        : [.. Directory.EnumerateFiles(path).Where(f => Path.GetExtension(f) is ".yml" or ".yaml").Order(StringComparer.Ordinal)];

    /// <summary>Reads one file.</summary>
    public static PipelineSource Read(string path, string tree)
    {
        try
        {
            using var file = File.OpenRead(path);
            var content = Content(file);
            return new PipelineSource(IsBelow(path, tree) ? Path.GetRelativePath(tree, path) : path, content);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException(ExitCode.Usage, $"{path} cannot be read: {FileTrouble.Of(e)}");
        }
    }

    // Of a pipe the length is not known.
    private static byte[] Content(FileStream file)
    {
        var content = new byte[file.CanSeek ? (int)Math.Min(file.Length, MaxBytes) : MaxBytes];
        return content[..file.ReadAtLeast(content, content.Length, throwOnEndOfStream: false)];
    }

    private static IEnumerable<string> In(string tree, string place)
    {
        var path = Path.Combine(tree, place);
        return place.EndsWith('/')
            ? Directory.Exists(path) ? Directory.EnumerateFiles(path).Select(f => place + Path.GetFileName(f)) : []
            : File.Exists(path) ? [place] : [];
    }

    private static bool IsBelow(string path, string directory) => path.StartsWith(directory.TrimEnd('/') + "/", StringComparison.Ordinal);
}
