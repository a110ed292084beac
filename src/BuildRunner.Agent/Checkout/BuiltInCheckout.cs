using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using BuildRunner.Agent.Output;
using BuildRunner.Agent.Steps;
using BuildRunner.Containers.Engine;

namespace BuildRunner.Agent.Checkout;

/// <summary>The checkout that needs no image of a registry: the agent fetches into a copy of its own, and a container with the machine's git, connected to nothing,
/// brings the commit from there into the workspace (docs/decisions/0070, 0212).</summary>
/// <param name="mirrors">The copies.</param>
/// <param name="root">The container's file system.</param>
/// <param name="allowedFolders">Folders of this machine below which sources may lie.</param>
/// <param name="volatileFolder">Where private keys lie while they are used.</param>
internal sealed partial class BuiltInCheckout(Mirrors mirrors, CheckoutRoot root, IReadOnlyList<string> allowedFolders, string volatileFolder) : ICheckout
{
    /// <summary>True if this checkout speaks for the image: that of a clone step which names none, and its other versions, whose contract it keeps.</summary>
    public static bool IsFor(string image) => ImagePattern().IsMatch(image);

    /// <inheritdoc/>
    public async Task<CheckoutContainer?> PrepareAsync(StepAttempt attempt, IReadOnlyDictionary<string, string> environment, IStepLog log, CancellationToken cancellationToken)
    {
        if (attempt.Source is not { } source || !IsFor(attempt.Step.Image))
        {
            return null;
        }

        var settings = CloneSettings.Of(environment);
        if (settings.Unknown.Count > 0)
        {
            await log.SayAsync($"settings that this checkout does not have: {string.Join(", ", settings.Unknown.Select(u => u.ToLowerInvariant()))}", cancellationToken);
        }

        var url = SourceUrl.Parse(source.Url, allowedFolders);
        var reference = Checked(source.Ref, RefPattern(), "ref");
        var commit = Checked(source.Commit, CommitPattern(), "commit");
        if (reference.Length + commit.Length == 0)
        {
            throw new ContainerException(ContainerFailure.InvalidSpec, "the run names neither a ref nor a commit that could be cloned");
        }

        var key = url.Kind == SourceKind.Ssh && source.Secret is { } secret ? WriteKey(secret) : null;
        try
        {
            var access = new GitAccess(url, source.User, source.Secret, key);
            var (mirror, found) = await mirrors.GetAsync(new MirrorRequest(access, reference, commit, settings.Depth, settings.Tags, url.Text), log, cancellationToken);
            bool MayOpen(SourceUrl of) => of.Host == url.Host && of.Kind == url.Kind && (!(source.ForItselfOnly || attempt.Stranger) || of.Text == url.Text);
            var submodules = new Submodules(mirrors, url.Text, allowedFolders, settings, async (of, cancel) => MayOpen(of) ? access with { Url = of } : await WithoutCredentialAsync(of, url, attempt.Stranger, cancel));
            if (settings.Submodules)
            {
                await submodules.GetAsync(mirror, url, found, log, cancellationToken);
            }

            var lfs = await new LargeFiles(mirrors.Git).GetAsync(mirror, access, found, settings.Lfs, attempt.Stranger, log, cancellationToken);
            return Container(await root.GetAsync(cancellationToken), environment, settings, url, reference, found, mirror, submodules.Found, lfs);
        }
        finally
        {
            if (key is not null)
            {
                File.Delete(key);
            }
        }
    }

    // Whoever writes the repository chooses these hosts: they are shown no key, not even one of this machine.
    private static async Task<GitAccess> WithoutCredentialAsync(SourceUrl url, SourceUrl source, bool stranger, CancellationToken cancellationToken)
    {
        if (stranger && url.Kind == SourceKind.Folder && url.Text != source.Text)
        {
            throw new ContainerException(ContainerFailure.AccessDenied, $"the source '{url.Text}' is not cloned in a stranger's run: it is another repository of the agent's machine");
        }

        return new GitAccess(url, null, null, url.Kind == SourceKind.Ssh ? "/dev/null" : null)
        {
            At = stranger && url.Kind != SourceKind.Folder && url.Host != source.Host ? await PublicHost.FindAsync(url, cancellationToken) : null,
        };
    }

    private static CheckoutContainer Container(
        string root, IReadOnlyDictionary<string, string> environment, CloneSettings settings, SourceUrl url, string reference, string commit, string mirror,
        IReadOnlyDictionary<string, string> submodules, bool lfs)
    {
        var copies = new List<(string Url, string Path)> { (url.Text, mirror) };
        copies.AddRange(submodules.Select(s => (s.Key, s.Value)));
        var branch = reference.StartsWith("refs/heads/", StringComparison.Ordinal) ? reference["refs/heads/".Length..] : Checked(environment.GetValueOrDefault("CI_COMMIT_BRANCH") ?? "", BranchPattern(), "branch");
        var variables = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["HOME"] = "/tmp",
            ["LC_ALL"] = "C",
            ["GIT_CONFIG_NOSYSTEM"] = "1",
            ["GIT_CONFIG_GLOBAL"] = $"{InjectedFile.Root}/{CloneScript.ConfigurationName}",
            ["GIT_TERMINAL_PROMPT"] = "0",
            ["GIT_LFS_SKIP_SMUDGE"] = "1",
            ["BR_URL"] = url.Text,
            ["BR_COMMIT"] = commit,
            ["BR_BRANCH"] = reference.StartsWith("refs/tags/", StringComparison.Ordinal) ? "" : branch,
            ["BR_TAG"] = reference.StartsWith("refs/tags/", StringComparison.Ordinal) ? reference : "",
            ["BR_TAGS"] = settings.Tags ? "true" : "false",
            ["BR_DEPTH"] = settings.Depth > 0 ? settings.Depth.ToString(CultureInfo.InvariantCulture) : "",
            ["BR_FILTER"] = settings.Partial ? "blob:none" : "",
            ["BR_SUBMODULES"] = settings.Submodules ? "true" : "false",
            ["BR_LFS"] = lfs ? "true" : "false",
            ["BR_LFS_SOURCE"] = $"{CloneScript.Mirrors}/0/lfs",
            ["BR_SELF"] = $"{InjectedFile.Root}/{CloneScript.Name}",
        };
        Count(variables, "BR_SOURCES", copies.Count);
        Count(variables, "BR_OVERRIDES", settings.Overrides.Count);
        foreach (var (at, (name, to)) in settings.Overrides.Index())
        {
            variables[$"BR_OVERRIDE_NAME_{at}"] = name;
            variables[$"BR_OVERRIDE_URL_{at}"] = to;
        }

        // The workspace names the real addresses; only this container goes to the copies instead.
        Count(variables, "GIT_CONFIG_COUNT", (copies.Count * 2) + 1);
        Configure(variables, 0, "protocol.file.allow", "always");
        foreach (var (at, copy) in copies.Index())
        {
            variables[$"BR_SOURCE_{at}"] = copy.Url;
            Configure(variables, (at * 2) + 1, $"url.file://{CloneScript.Mirrors}/{at}.insteadOf", copy.Url);

            // git clones no path that is not there, whatever stands for it; an address of it will do.
            Configure(variables, (at * 2) + 2, $"url.file://{CloneScript.Mirrors}/{at}.insteadOf", copy.Url.StartsWith('/') ? "file://" + copy.Url : copy.Url);
        }

        return new CheckoutContainer(
            $"rootfs:{root}",
            [CheckoutRoot.Shell, $"{InjectedFile.Root}/{CloneScript.Name}"],
            variables,
            [
                new InjectedFile(CloneScript.Name, Encoding.UTF8.GetBytes(CloneScript.Text), Executable: true),
                new InjectedFile(CloneScript.ConfigurationName, Encoding.UTF8.GetBytes(GitProgram.Configuration)),
            ],
            [.. copies.Select((c, at) => new HostMount(c.Path, $"{CloneScript.Mirrors}/{at}", ReadOnly: true))]);
    }

    private static void Count(Dictionary<string, string> variables, string name, int count) => variables[name] = count.ToString(CultureInfo.InvariantCulture);

    private static void Configure(Dictionary<string, string> variables, int at, string key, string value)
    {
        variables[$"GIT_CONFIG_KEY_{at}"] = key;
        variables[$"GIT_CONFIG_VALUE_{at}"] = value;
    }

    private string WriteKey(string secret)
    {
        var path = Path.Combine(volatileFolder, $"{Work.WorkFolder.KeyPrefix}{Guid.NewGuid():N}");
        Work.DurableFile.Write(path, Encoding.UTF8.GetBytes(secret.TrimEnd('\r', '\n') + "\n"));
        return path;
    }

    private static string Checked(string text, Regex pattern, string what) => text.Length == 0 || pattern.IsMatch(text)
        ? text
        : throw new ContainerException(ContainerFailure.InvalidSpec, $"'{text}' is no {what} that is cloned");

    [GeneratedRegex(@"\A(docker\.io/)?woodpeckerci/plugin-git(:[\w.-]+)?\z", RegexOptions.ExplicitCapture)]
    private static partial Regex ImagePattern();

    [GeneratedRegex(@"\Arefs/(?!.*(\.\.|//|@\{|\.lock(/|\z)|/\.))[^\x00-\x20\x7F~^:?*\[\\]+(?<![./])\z", RegexOptions.ExplicitCapture)]
    private static partial Regex RefPattern();

    [GeneratedRegex(@"\A(?!-)(?!.*(\.\.|//|@\{|\.lock(/|\z)|/\.))[^\x00-\x20\x7F~^:?*\[\\]+(?<![./])\z", RegexOptions.ExplicitCapture)]
    private static partial Regex BranchPattern();

    [GeneratedRegex(@"\A([0-9a-f]{40}|[0-9a-f]{64})\z", RegexOptions.ExplicitCapture)]
    private static partial Regex CommitPattern();
}
