namespace BuildRunner.Testing;

/// <summary>A package of <c>tests/npm</c>, which <c>./test</c> installs into <c>artifacts/npm</c>.</summary>
public static class NpmPackage
{
    /// <summary>The path of a file of a package; the test needs it.</summary>
    /// <param name="path">Package and file: <c>emulate/dist/index.js</c>.</param>
    public static string File(string path)
    {
        var file = Find(path);
        Requires.That(file is not null, $"the npm package file {path} (./test installs it)");
        return file!;
    }

    /// <summary>The path of a file of a package; null if it is not installed.</summary>
    public static string? Find(string path)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (!System.IO.File.Exists(Path.Combine(folder.FullName, "BuildRunner.sln")))
                continue;
            var file = Path.Combine(folder.FullName, "artifacts", "npm", "node_modules", path);
            return System.IO.File.Exists(file) ? file : null;
        }
        throw new InvalidOperationException($"{AppContext.BaseDirectory} is not below the repository");
    }
}
