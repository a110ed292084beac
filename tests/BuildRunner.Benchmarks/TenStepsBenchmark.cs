using System.Text;

namespace BuildRunner.Benchmarks;

/// <summary>Ten trivial steps through <c>./buildrunner run</c> against ten <c>docker run --rm --network none</c> (issue 2: at most half).</summary>
internal static class TenStepsBenchmark
{
    public static async Task<bool> RunAsync(int rounds)
    {
        await using var docker = await DockerPeer.StartAsync();
        var directory = Directory.CreateTempSubdirectory("buildrunner-ten-").FullName;
        var image = Path.Combine(directory, "image");
        Directory.CreateDirectory(Path.Combine(image, "bin"));
        File.Copy("/bin/busybox", Path.Combine(image, "bin", "busybox"));
        foreach (var applet in new[] { "sh", "true", "echo" })
        {
            File.CreateSymbolicLink(Path.Combine(image, "bin", applet), "busybox");
        }

        var pipeline = new StringBuilder("steps:\n");
        for (var step = 1; step <= 10; step++)
        {
            pipeline.Append($"  - name: step{step}\n    image: rootfs:{image}\n    commands: [\"true\"]\n");
        }

        var file = Path.Combine(directory, "ten.yml");
        await File.WriteAllTextAsync(file, pipeline.ToString());
        var tree = Directory.CreateDirectory(Path.Combine(directory, "tree")).FullName;

        var comparison = new Comparison("ten trivial steps");
        comparison.Add("spawn true", () => Programs.RunAsync("/bin/true"));
        comparison.Add("./buildrunner run", () => Programs.RunAsync(Path.Combine(Programs.Root, "buildrunner"), "run", file, "-C", tree));
        comparison.Add("ten docker run --rm --network none", async () =>
        {
            for (var step = 1; step <= 10; step++)
            {
                await docker.RunAsync("run", "--rm", "--network", "none", DockerPeer.Image, "/bin/true");
            }
        });
        await comparison.MeasureAsync(rounds);
        Directory.Delete(directory, recursive: true);
        return comparison.AtMost("./buildrunner run", "ten docker run --rm --network none", 0.5);
    }
}
