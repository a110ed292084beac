using System.Diagnostics;

namespace BuildRunner.Testing.Git;

/// <summary>A bare repository that a test fills.</summary>
public sealed class TestRepository
{
    private readonly string work;

    private TestRepository(string bare, string work)
    {
        Bare = bare;
        this.work = work;
    }

    /// <summary>Where it is; served or cloned from there.</summary>
    public string Bare { get; }

    /// <summary>Makes an empty one: <c>name.git</c> in the folder, beside a clone of it that commits are made in.</summary>
    public static TestRepository Create(string root, string name)
    {
        var repository = new TestRepository(Path.Combine(root, name + ".git"), Path.Combine(root, name + ".work"));
        Directory.CreateDirectory(root);
        Run(root, "init", "-q", "--bare", "-b", "main", repository.Bare);
        Run(root, "clone", "-q", repository.Bare, repository.work);
        return repository;
    }

    /// <summary>Commits a file, and pushes it to a ref.</summary>
    /// <returns>The commit.</returns>
    public string Commit(string file, string content, string to = "refs/heads/main")
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(work, file))!);
        File.WriteAllText(Path.Combine(work, file), content);
        Git("add", "--all");
        Git("commit", "-q", "-m", $"write {file}");
        Git("push", "-q", "--force", "origin", $"HEAD:{to}");
        return Git("rev-parse", "HEAD").Trim();
    }

    /// <summary>Runs git where commits are made.</summary>
    public string Git(params string[] arguments) => Run(work, arguments);

    private static string Run(string directory, params string[] arguments)
    {
        var info = new ProcessStartInfo("git", ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "protocol.file.allow=always", "-c", "init.defaultBranch=main", "-c", "filter.lfs.required=false", "-c", "filter.lfs.clean=cat", "-c", "filter.lfs.smudge=cat", "-c", "filter.lfs.process=", .. arguments])
        {
            WorkingDirectory = directory,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(info)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output : throw new InvalidOperationException($"git {string.Join(' ', arguments)}: {errors.Result}");
    }
}
