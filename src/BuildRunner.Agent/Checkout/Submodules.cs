using BuildRunner.Agent.Output;
using BuildRunner.Containers.Engine;

namespace BuildRunner.Agent.Checkout;

/// <summary>Brings the submodules of a commit to this machine, and theirs.</summary>
internal sealed class Submodules(Mirrors mirrors, string owner, IReadOnlyList<string> allowedFolders, CloneSettings settings, Func<SourceUrl, CancellationToken, Task<GitAccess>> accessOf)
{
    private const int Most = 200, Deepest = 8;
    private readonly Dictionary<string, string> paths = new(StringComparer.Ordinal);

    /// <summary>The copies, by the address that the workspace will have.</summary>
    public IReadOnlyDictionary<string, string> Found => paths;

    /// <summary>Gets all of a commit.</summary>
    public Task GetAsync(string mirror, SourceUrl of, string commit, IStepLog log, CancellationToken stop) => GetAsync(mirror, of, commit, 0, log, stop);

    private async Task GetAsync(string mirror, SourceUrl of, string commit, int depth, IStepLog log, CancellationToken stop)
    {
        foreach (var (name, path, url) in await ReadAsync(mirror, commit, stop))
        {
            if (depth == Deepest || paths.Count == Most)
            {
                throw new ContainerException(ContainerFailure.InvalidSpec, $"the source has more than {Most} submodules, or {Deepest} of them within each other");
            }

            var tree = (await mirrors.Git.RunAsync(mirror, null, ["ls-tree", "-z", "--end-of-options", commit, path], stop)).Output.Split(['\0', ' ', '\t'], 4);
            if (tree is not ["160000", "commit", var pinned, ..])
            {
                continue;
            }

            // As the script in the container does it: those of the source itself, by their names.
            var wanted = (depth == 0 ? settings.Overrides.GetValueOrDefault(name) : null) ?? url;
            var source = of.Resolve(wanted, allowedFolders);
            var (copy, _) = await mirrors.GetAsync(new MirrorRequest(await accessOf(source, stop), "", pinned, 0, Tags: false, owner), log, stop);
            paths[source.Text] = copy;
            if (!wanted.StartsWith('.') && !wanted.Contains("..", StringComparison.Ordinal))
            {
                // The workspace names it as it was written, which for ssh need not be how git is given it.
                paths[wanted] = copy;
            }

            await GetAsync(copy, source, pinned, depth + 1, log, stop);
        }
    }

    private async Task<List<(string Name, string Path, string Url)>> ReadAsync(string mirror, string commit, CancellationToken stop)
    {
        var answer = await mirrors.Git.RunAsync(mirror, null, ["config", "--blob", commit + ":.gitmodules", "-z", "--get-regexp", @"^submodule\..*\.(path|url)$"], stop);
        var values = new Dictionary<string, Dictionary<string, string>>(StringComparer.Ordinal);
        foreach (var entry in answer.Output.Split('\0', StringSplitOptions.RemoveEmptyEntries))
        {
            var (key, value) = entry.Split('\n', 2) is [var k, var v] ? (k, v) : (entry, "");
            var last = key.LastIndexOf('.');
            var name = key["submodule.".Length..last];
            if (!values.TryGetValue(name, out var pair))
            {
                values[name] = pair = new Dictionary<string, string>(StringComparer.Ordinal);
            }

            pair[key[(last + 1)..]] = value;
        }

        return [.. values.Where(v => v.Value.ContainsKey("path") && v.Value.ContainsKey("url")).Select(v => (v.Key, v.Value["path"], v.Value["url"]))];
    }
}
