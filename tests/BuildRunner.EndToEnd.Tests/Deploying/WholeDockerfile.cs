using System.Text.RegularExpressions;

namespace BuildRunner.EndToEnd.Tests.Deploying;

/// <summary><c>deploy/Dockerfile</c>, every line of it unchanged, on images of the names that it asks for, which are made of this machine: its SDK, its packages, and what NuGet has fetched here before.</summary>
/// <remarks>What stands in for apt-get installs nothing: it refuses a package that this machine, and so the image, does not have. What that does not show: Ubuntu's packages and their versions.</remarks>
internal static class WholeDockerfile
{
    private const string AptGet = """
        #!/bin/bash
        # Everything is there already: a package that is not is a mistake.
        [ "$1" != update ] || exit 0
        for word; do
          case $word in
            install|-*) ;;
            *) grep -qx -- "$word" /usr/local/share/packages || { echo "E: Unable to locate package $word" >&2; exit 100; } ;;
          esac
        done
        """;

    // Of the base images of both stages.
    private static readonly string[] BaseSystem =
    [
        "bash", "coreutils", "base-files", "findutils", "diffutils", "gzip", "hostname", "tar", "util-linux", "libstdc++6", "libgcc-s1", "zlib1g", "ca-certificates", "libc-bin", "mount", "sed", "grep",
        "passwd", "libssl3", "libicu72", "debianutils",
    ];

    private static readonly string[] Accounts = ["/etc/passwd", "/etc/group", "/etc/nsswitch.conf"];

    /// <summary>Builds the image <c>buildrunner</c> of the files of this checkout that git knows.</summary>
    public static async Task BuildAsync(Composition composition)
    {
        var text = await File.ReadAllTextAsync(Path.Combine(Release.Root, "deploy", "Dockerfile"), TestContext.Current.CancellationToken);
        var stages = Regex.Split(text, "(?m)^(?=FROM )")[1..];
        Assert.Equal(2, stages.Length);
        var nuget = Environment.GetEnvironmentVariable("NUGET_PACKAGES") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget/packages");
        await ImportAsync(composition, stages[0], [.. MachineImage.Dotnet("host", "shared", "sdk", "sdk-manifests", "packs", "templates", "LICENSE.txt", "ThirdPartyNotices.txt").Where(Path.Exists), nuget], $"ENV NUGET_PACKAGES={nuget}");
        await ImportAsync(composition, stages[1], MachineImage.Dotnet("host", "shared"));
        await composition.RunAsync(
            TimeSpan.FromMinutes(20), "sh", "-c", $"cd '{Release.Root}' && git ls-files -z | tar -c --null -T - | docker build -t buildrunner -f deploy/Dockerfile -");
    }

    private static async Task ImportAsync(Composition composition, string stage, IEnumerable<string> more, params string[] environment)
    {
        // PostgreSQL's programs are a package of each version here.
        var wanted = Regex.Match(stage, "apt-get install -y --no-install-recommends (.*?) &&").Groups[1].Value.Split(' ');
        var installed = wanted.Where(p => p == "postgresql-client" || new[] { p, p + ":amd64", p + ":arm64" }.Any(n => File.Exists($"/var/lib/dpkg/info/{n}.list"))).ToList();
        var image = Composition.BaseName(stage);
        await composition.ImportAsync(
            image,
            [.. MachineImage.FilesOf([.. BaseSystem, .. installed]), .. more, .. Accounts],
            ("usr/local/bin/apt-get", AptGet + "\n"), ("usr/local/share/packages", string.Concat(installed.Select(p => p + "\n"))));

        // Where Microsoft's images have it, a link on the way leads to it.
        await composition.EntryAsync(image, "/bin/bash", ["ENV PATH=/usr/share/dotnet:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "ENV DOTNET_ROOT=/usr/share/dotnet", .. environment]);
    }
}
