using System.Diagnostics;
using BuildRunner.Testing;

namespace BuildRunner.EndToEnd.Tests.Serving;

/// <summary>Verbs that are no service load nothing of one: they work with its assemblies made unreadable.</summary>
public sealed class Start_of_other_verbs
{
    private static readonly string[] OfTheServer =
        ["BuildRunner.Server", "Microsoft.EntityFrameworkCore*", "Microsoft.Data.Sqlite", "MassTransit*", "Hangfire*", "Npgsql*", "Serilog*", "OpenTelemetry*", "RabbitMQ*", "Octokit"];

    [Theory]
    [InlineData("version")]
    [InlineData("lint", "pipelines/hello.yml")]
    [InlineData("plan", "pipelines/hello.yml")]
    [InlineData("run", "--engine", "dummy", "pipelines/hello.yml")]
    [InlineData("config", "show")]
    [InlineData("context", "ls")]
    public async Task It_loads_nothing_of_the_server(params string[] arguments)
    {
        using var folder = TestFolder.Create();
        using (var copy = Process.Start("cp", ["-r", Path.GetDirectoryName(Release.Executable)!, folder["app"]]))
        {
            await copy.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        var broken = OfTheServer.SelectMany(pattern => Directory.GetFiles(folder["app"], pattern + ".dll")).ToList();
        Assert.True(broken.Count > 8, "the server's assemblies are there to be broken");
        broken.ForEach(file => File.WriteAllBytes(file, []));
        var start = new ProcessStartInfo(folder["app/buildrunner"], arguments) { WorkingDirectory = Release.Root, RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var error = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode == 0, $"{await output}\n{error}");
    }
}
