using System.Text.Json;

namespace BuildRunner.Cli.Init;

/// <summary>Guesses from a repository's files how it is built and tested.</summary>
internal static class RepositoryGuess
{
    // What is current where a repository does not say.
    private const string DotNet = "10.0", Node = "24", Go = "1", Rust = "1", Python = "3.13", Java = "21", Alpine = "alpine:3.22";

    // Scripts that usually check something, in the order in which they fail fastest.
    private static readonly string[] Checks = ["lint", "build", "test"];

    /// <summary>One step for each language that was found, the nearest to the top first; empty if none was.</summary>
    public static IReadOnlyList<FirstStep> Steps(RepositoryFiles files)
    {
        var found = new[] { OfDotNet(files), OfGo(files), OfRust(files), OfJava(files), OfPython(files), OfNode(files) }.OfType<FirstStep>().ToList();
        return found.Count > 0 ? found : OfStatic(files) is { } site ? [site] : [];
    }

    private static FirstStep? OfDotNet(RepositoryFiles files)
    {
        var projects = files.All.Where(f => Path.GetExtension(f) is ".csproj" or ".fsproj" or ".vbproj").ToList();
        if (files.Find(".slnx", ".sln") is not { } start)
        {
            if (projects.Count == 0)
            {
                return null;
            }

            start = projects[0];
        }

        var version = files.Match("global.json", """version"\s*:\s*"(\d+\.\d+)""")
            ?? projects.Select(p => files.Match(p, @"<TargetFrameworks?>[^<]*net(\d+\.\d+)")).FirstOrDefault(v => v is not null)
            ?? files.Match("Directory.Build.props", @"<TargetFrameworks?>[^<]*net(\d+\.\d+)");
        var tested = projects.Exists(p => files.Match(p, "(Microsoft.NET.Test.Sdk|xunit|NUnit|MSTest)") is not null || p.Contains("Test", StringComparison.Ordinal));
        return new FirstStep(".NET", "dotnet", $"mcr.microsoft.com/dotnet/sdk:{version ?? DotNet}", ["dotnet restore", "dotnet build --no-restore -c Release", .. tested ? Only("dotnet test --no-build -c Release") : []])
        {
            Directory = FolderOf(start),
        };
    }

    private static FirstStep? OfGo(RepositoryFiles files) => files.Find("go.mod") is not { } start ? null
        : new FirstStep("Go", "go", $"golang:{files.Match(start, @"^go (\d+\.\d+)") ?? Go}", ["go vet ./...", "go build ./...", "go test ./..."]) { Directory = FolderOf(start) };

    private static FirstStep? OfRust(RepositoryFiles files)
    {
        if (files.Find("Cargo.toml") is not { } start)
        {
            return null;
        }

        var version = files.Match("rust-toolchain.toml", """channel\s*=\s*"(\d+\.\d+)""") ?? files.Match("rust-toolchain", @"^(\d+\.\d+)") ?? files.Match(start, """^rust-version\s*=\s*"(\d+\.\d+)""");
        var locked = files.All.Any(f => f.EndsWith("Cargo.lock", StringComparison.Ordinal)) ? " --locked" : "";
        return new FirstStep("Rust", "rust", $"rust:{version ?? Rust}", [$"cargo build{locked}", $"cargo test{locked}"]) { Directory = FolderOf(start) };
    }

    private static FirstStep? OfJava(RepositoryFiles files)
    {
        if (files.Find("pom.xml") is { } maven)
        {
            var version = files.Match(maven, @"<(?:maven\.compiler\.release|java\.version|maven\.compiler\.target)>(\d+)<") ?? Java;
            return files.Has("mvnw")
                ? new FirstStep("Java", "java", $"eclipse-temurin:{version}", ["sh ./mvnw -B verify"])
                : new FirstStep("Java", "java", $"maven:3-eclipse-temurin-{version}", ["mvn -B verify"]) { Directory = FolderOf(maven) };
        }

        if (files.Find("build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts") is not { } gradle)
        {
            return null;
        }

        var jdk = files.Match(gradle, @"(?:JavaLanguageVersion\.of\(|jvmToolchain\()(\d+)") ?? Java;
        return files.Has("gradlew")
            ? new FirstStep("Java", "java", $"eclipse-temurin:{jdk}", ["sh ./gradlew build"])
            : new FirstStep("Java", "java", $"gradle:8-jdk{jdk}", ["gradle build"]) { Directory = FolderOf(gradle) };
    }

    private static FirstStep? OfPython(RepositoryFiles files)
    {
        if (files.Find("pyproject.toml", "requirements.txt", "setup.py") is not { } start)
        {
            return null;
        }

        var version = files.Match(".python-version", @"^(\d+\.\d+)") ?? files.Match(start, """requires-python\s*=\s*["'][^0-9]*(\d+\.\d+)""") ?? Python;
        var pytest = files.All.Any(f => Path.GetFileName(f) is var n && (n.StartsWith("test_", StringComparison.Ordinal) || n is "conftest.py" or "pytest.ini")) || files.Match(start, "(pytest)") is not null;
        var extra = start.EndsWith("pyproject.toml", StringComparison.Ordinal) ? PythonExtras.ForTests(files.Read(start)) : null;
        IReadOnlyList<string> commands = files.Find("uv.lock") is not null ? ["pip install uv", $"uv sync --frozen{(extra is null ? "" : $" --extra {extra.Name}")}", pytest ? "uv run pytest" : "uv run python -m compileall -q ."]
            : files.Find("poetry.lock") is not null ? ["pip install poetry", $"poetry install{(extra is null ? "" : $" --extras {extra.Name}")}", pytest ? "poetry run pytest" : "poetry check"]
            :
            [
                start.EndsWith("requirements.txt", StringComparison.Ordinal) ? "pip install -r requirements.txt" : extra is null ? "pip install ." : $"pip install -e '.[{extra.Name}]'",
                .. pytest ? extra is { HasPytest: true } ? Only("pytest") : Only("pip install pytest", "pytest") : Only("python -m compileall -q ."),
            ];
        return new FirstStep("Python", "python", $"python:{version}", commands) { Directory = FolderOf(start) };
    }

    private static FirstStep? OfNode(RepositoryFiles files)
    {
        if (files.Find("package.json") is not { } start)
        {
            return null;
        }

        var folder = FolderOf(start);
        bool Beside(string name) => files.Has(folder is null ? name : $"{folder}/{name}");
        var version = files.Match(".nvmrc", @"^v?(\d+)") ?? files.Match(start, """node"\s*:\s*"[^0-9"]*(\d+)""") ?? Node;
        var (install, run, image) = Beside("pnpm-lock.yaml") ? (new[] { "corepack enable", "pnpm install --frozen-lockfile" }, "pnpm run", $"node:{version}")
            : Beside("yarn.lock") ? (["corepack enable", "yarn install --frozen-lockfile"], "yarn run", $"node:{version}")
            : Beside("bun.lock") || Beside("bun.lockb") ? (["bun install --frozen-lockfile"], "bun run", "oven/bun:1")
            : Beside("package-lock.json") ? (["npm ci"], "npm run", $"node:{version}")
            : (["npm install"], "npm run", $"node:{version}");
        return new FirstStep("Node.js", "node", image, [.. install, .. Scripts(files.Read(start)).Select(script => $"{run} {script}")]) { Directory = folder };
    }

    private static FirstStep? OfStatic(RepositoryFiles files) => files.Find("index.html") is not { } start ? null
        : new FirstStep("a static site", "site", Alpine, [$"test -s {Path.GetFileName(start)}", "! grep -rn --include='*.html' -e '^<<<<<<< ' ."]) { Directory = FolderOf(start) };

    private static List<string> Scripts(string package)
    {
        try
        {
            using var json = JsonDocument.Parse(package, new JsonDocumentOptions { AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip });
            return json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty("scripts", out var scripts) && scripts.ValueKind == JsonValueKind.Object
                ? [.. Checks.Where(name => scripts.TryGetProperty(name, out var script) && !script.ToString().Contains("no test specified", StringComparison.Ordinal))]
                : [];
        }
        catch (JsonException)
        {
            // No package after all, but somebody will want to install it.
            return [];
        }
    }

    private static string[] Only(params string[] commands) => commands;

    private static string? FolderOf(string path) => Path.GetDirectoryName(path) is { Length: > 0 } folder ? folder : null;
}
