namespace BuildRunner.Cli.Tests;

/// <summary><c>init</c>: what it guesses, that what it writes lints, and that it changes nothing.</summary>
public sealed class Init_verb
{
    public static TheoryData<string, string[], string> Repositories => new()
    {
        { ".NET", ["Shop.sln=", "global.json={\"sdk\":{\"version\":\"9.0.100\"}}", "test/Shop.Tests/Shop.Tests.csproj=<Project/>"], "image: mcr.microsoft.com/dotnet/sdk:9.0\n    commands:\n      - dotnet restore\n      - dotnet build --no-restore -c Release\n      - dotnet test --no-build -c Release\n" },
        { ".NET below", ["back end/$(x)/App.csproj=<TargetFramework>net8.0</TargetFramework>"], "image: mcr.microsoft.com/dotnet/sdk:8.0\n    directory: 'back end/$$(x)'\n    commands:\n      - dotnet restore\n      - dotnet build --no-restore -c Release\n" },
        { "npm", ["package.json={\"engines\":{\"node\":\">=20\"},\"scripts\":{\"test\":\"jest\",\"lint\":\"eslint\"}}", "package-lock.json={}"], "image: node:20\n    commands:\n      - npm ci\n      - npm run lint\n      - npm run test\n" },
        { "pnpm", ["package.json={\"scripts\":{\"test\":\"echo \\\"Error: no test specified\\\"\",\"build\":\"vite\"}}", "pnpm-lock.yaml=", ".nvmrc=v22.1.0"], "image: node:22\n    commands:\n      - corepack enable\n      - pnpm install --frozen-lockfile\n      - pnpm run build\n" },
        { "a package that is none", ["package.json=[1"], "image: node:24\n    commands:\n      - npm install\n" },
        { "Go", ["go.mod=module x\n\ngo 1.23.4\n"], "image: golang:1.23\n    commands:\n      - go vet ./...\n      - go build ./...\n      - go test ./...\n" },
        { "what only tests and builds use", ["go.mod=go 1.23\n", "tests/e2e/package.json={}", "artifacts/x/package.json={}", "node_modules/y/Cargo.toml="], "steps:\n  - name: build\n    image: golang:1.23\n" },
        { "Rust", ["Cargo.toml=[package]\nrust-version = \"1.80\"\n", "Cargo.lock="], "image: rust:1.80\n    commands:\n      - cargo build --locked\n      - cargo test --locked\n" },
        { "Python", ["pyproject.toml=[project]\nrequires-python = \">=3.11\"\n", "tests/test_a.py="], "image: python:3.11\n    commands:\n      - pip install .\n      - pip install pytest\n      - pytest\n" },
        { "an extra for tests", ["pyproject.toml=[project]\nname = \"x\"\n\n[project.optional-dependencies]\ndocs = [\"sphinx\"]\ntest = [\n  \"coverage[toml]\", # and more\n  \"pytest>=8\",\n]\n\n[tool.ruff]\ndev = [\"E\"]\n", "tests/test_a.py="], "    commands:\n      - pip install -e '.[test]'\n      - pytest\n" },
        { "an extra without pytest", ["pyproject.toml=[project]\noptional-dependencies = { docs = [\"sphinx\"], dev = [\"ruff\"] }\n", "tests/test_a.py="], "    commands:\n      - pip install -e '.[dev]'\n      - pip install pytest\n      - pytest\n" },
        { "an extra by a key", ["pyproject.toml=[project]\noptional-dependencies.tests = [\"hypothesis\"]\n"], "    commands:\n      - pip install -e '.[tests]'\n      - python -m compileall -q .\n" },
        { "extras for something else", ["pyproject.toml=[project.optional-dependencies]\ndocs = [\"sphinx\", \"test\"]\n\n[tool.x]\ntest = [\"a\"]\n"], "    commands:\n      - pip install .\n" },
        { "an extra with uv", ["pyproject.toml=[project.optional-dependencies]\ndev = [\"pytest\"]\n", "uv.lock="], "      - uv sync --frozen --extra dev\n      - uv run pytest\n" },
        { "an extra with Poetry", ["pyproject.toml=[project.optional-dependencies]\ntest = [\"pytest\"]\n", "poetry.lock="], "      - poetry install --extras test\n      - poetry run pytest\n" },
        { "uv", ["pyproject.toml=x", "uv.lock="], "image: python:3.13\n    commands:\n      - pip install uv\n      - uv sync --frozen\n      - uv run python -m compileall -q .\n" },
        { "Maven", ["pom.xml=<maven.compiler.release>17</maven.compiler.release>"], "image: maven:3-eclipse-temurin-17\n    commands:\n      - mvn -B verify\n" },
        { "Gradle", ["build.gradle.kts=kotlin { jvmToolchain(21) }", "gradlew="], "image: eclipse-temurin:21\n    commands:\n      - sh ./gradlew build\n" },
        { "static", ["public/index.html=<html>"], "image: alpine:3.22\n    directory: public\n    commands:\n      - test -s index.html\n" },
        { "nothing", ["notes.txt=x"], "image: alpine:3.22\n    commands:\n      - echo " },
    };

    [Theory]
    [MemberData(nameof(Repositories))]
    public async Task The_file_is_guessed_and_lints(string what, string[] files, string expected)
    {
        using var cli = new TestCli([.. files.Select(f => f.Split('=', 2)).Select(f => (f[0], f[1]))]);
        Assert.True(await cli.RunAsync("init") == 0, what + cli.Error);
        var text = await File.ReadAllTextAsync(Path.Combine(cli.Directory, ".buildrunner.yml"), TestContext.Current.CancellationToken);
        Assert.StartsWith("# yaml-language-server: $schema=.buildrunner.schema.json\n", text, StringComparison.Ordinal);
        Assert.Contains(expected, text);
        Assert.Equal(0, await cli.RunAsync("lint", "--strict"));
        await cli.RunAsync("schema");
        Assert.Equal(cli.Output, await File.ReadAllTextAsync(Path.Combine(cli.Directory, ".buildrunner.schema.json"), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Several_languages_have_a_step_each_at_the_same_time()
    {
        using var cli = new TestCli(("go.mod", "go 1.24\n"), ("web/package.json", "{}"));
        Assert.Equal(0, await cli.RunAsync("init"));
        Assert.StartsWith(".buildrunner.yml: for Go and Node.js\n", cli.Error, StringComparison.Ordinal);
        await cli.RunAsync("plan", "--graph");
        Assert.Equal("clone ─┬─ go\n       └─ node\n", cli.Output);
    }

    [Theory]
    [InlineData(".buildrunner.yml")]
    [InlineData(".buildrunner.yaml")]
    [InlineData(".woodpecker/ci.yaml")]
    [InlineData("pipelines/x.yml")]
    public async Task It_refuses_where_a_pipeline_is(string place)
    {
        using var cli = new TestCli((place, "mine"));
        Assert.Equal(2, await cli.RunAsync("init"));
        Assert.StartsWith($"buildrunner: {place} is there already", cli.Error, StringComparison.Ordinal);
        Assert.Equal("mine", await File.ReadAllTextAsync(Path.Combine(cli.Directory, place), TestContext.Current.CancellationToken));
        Assert.False(File.Exists(Path.Combine(cli.Directory, ".buildrunner.schema.json")));
    }

    [Fact]
    public async Task It_writes_through_no_link()
    {
        using var cli = new TestCli();
        File.CreateSymbolicLink(Path.Combine(cli.Directory, ".buildrunner.yml"), Path.Combine(cli.Directory, "elsewhere"));
        Assert.Equal(2, await cli.RunAsync("init"));
        Assert.False(File.Exists(Path.Combine(cli.Directory, "elsewhere")));
    }

    [Fact]
    public async Task Print_writes_nothing_and_a_server_names_the_schema()
    {
        using var cli = new TestCli(("go.mod", "go 1.24\n"));
        cli.Environment["BUILDRUNNER_SERVER"] = "https://ci.example/";
        Assert.Equal(0, await cli.RunAsync("init", "--print"));
        Assert.StartsWith("# yaml-language-server: $schema=https://ci.example/schema/pipeline.json\n", cli.Output, StringComparison.Ordinal);
        Assert.Equal(["go.mod"], Directory.GetFiles(cli.Directory).Select(Path.GetFileName));
    }
}
