using System.Net;
using BuildRunner.Core.AgentContract;
using BuildRunner.Core.ApiContract;
using BuildRunner.Core.Runs;
using BuildRunner.Server.Tests.Api;
using BuildRunner.Server.Tests.Sources;
using BuildRunner.Testing;

namespace BuildRunner.Server.Tests.Hosting;

/// <summary>What goes out to a collector, where the standard variables name one: a run as a trace, and the instruments. Numbers of fields are those of OpenTelemetry's .proto files.</summary>
public sealed class Telemetry_by_OTLP
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("grpc")]
    [InlineData("http/protobuf")]
    public async Task A_run_is_a_trace_with_its_steps_and_is_counted(string protocol)
    {
        await using var collector = await OtlpCollector.StartAsync(protocol);
        using var folder = TestFolder.Create();
        await using var server = await RunningServer.StartAsync(folder.Path, new Dictionary<string, string>
        {
            ["BUILDRUNNER_SOURCES__LOCALFOLDERS"] = folder["repos"],
            ["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.Address,
            ["OTEL_EXPORTER_OTLP_PROTOCOL"] = protocol,
            ["OTEL_EXPORTER_OTLP_TIMEOUT"] = "60000",
            ["OTEL_BSP_SCHEDULE_DELAY"] = "100",
            ["OTEL_METRIC_EXPORT_INTERVAL"] = "200",
            ["OTEL_RESOURCE_ATTRIBUTES"] = "deployment.environment=test",
        });
        var run = await RunAsync(server, folder);

        var spans = await UntilAsync(() => [.. SpansOf(collector).Where(s => Guid.Parse(Convert.ToHexString(s.Bytes(1))) == run)], found => found.Count >= 2);
        var whole = Assert.Single(spans, s => s.Text(5) == "RUN");
        var step = Assert.Single(spans, s => s.Text(5) == "buildrunner/build");
        Assert.Equal(whole.Bytes(2), step.Bytes(4));
        Assert.Equal(("failure", "failure"), (AttributeOf(whole, "cicd.pipeline.result"), AttributeOf(step, "cicd.pipeline.task.run.result")));
        Assert.Equal($"{run:N}/buildrunner/build/1", AttributeOf(step, "cicd.pipeline.task.run.id"));
        Assert.Equal(2UL, step.All(15).Single().Number(3));
        Assert.True(whole.Number(7) <= step.Number(7) && step.Number(7) <= step.Number(8) && step.Number(8) <= whole.Number(8));

        // Other servers of this process count too: that one run has failed is the least.
        await UntilAsync(
            () => [.. collector.Of("metrics").SelectMany(r => r.All(1, 2, 2)).Where(m => m.Text(1) == "cicd.pipeline.run.duration").SelectMany(m => m.All(9, 1))],
            found => found.Exists(point => point.Number(4) >= 1 && AttributeOf(point, "cicd.pipeline.result") == "failure"));
        var resource = collector.Of("traces").First().All(1, 1).Single();
        Assert.Equal(("buildrunner", "test"), (AttributeOf(resource, "service.name", 1), AttributeOf(resource, "deployment.environment", 1)));
    }

    private static IEnumerable<Protobuf> SpansOf(OtlpCollector collector) => collector.Of("traces").SelectMany(r => r.All(1, 2, 2));

    private static string? AttributeOf(Protobuf of, string key, int field = 9) => of.All(field).Where(a => a.Text(1) == key).Select(a => a.All(2).Single().Text(1)).SingleOrDefault();

    private static async Task<Guid> RunAsync(RunningServer server, TestFolder folder)
    {
        var api = new ApiClient(server.With((await RunningServer.RunAsync(folder.Path, null, "server", "token", "--data-dir", folder["data"])).Output.Trim()));
        var git = new GitRepository(folder["repos/shop"]);
        git.Commit("one", (".buildrunner.yml", "skip_clone: true\nsteps:\n  - name: build\n    image: busybox\n    commands: [ 'true' ]\n"));
        await api.SendAsync("POST", ApiRoutes.Repositories, new AddRepository { Name = "acme/shop", CloneUrl = git.Path }, ApiJson.Default.AddRepository, ApiJson.Default.Repository, HttpStatusCode.Created);
        await api.SendAsync("POST", ApiRoutes.For(ApiRoutes.RunsOfRepository, "acme/shop"), new StartRun(), ApiJson.Default.StartRun, ApiJson.Default.RunSummary, HttpStatusCode.Created);
        using var agent = await HttpAgent.RegisterAsync(server, api);
        var step = await agent.BeginStepAsync();
        Assert.Equal(HttpStatusCode.NoContent, await agent.ReportAsync(step, TestAgent.Ended(new Outcome.Failure(new FailureReason.ExitCode(1)))));
        Assert.Equal(HttpStatusCode.NoContent, await agent.ReportAsync(await agent.ClaimAsync(), new WorkResult.Released()));
        return step.Run.Value;
    }

    private static async Task<List<Protobuf>> UntilAsync(Func<List<Protobuf>> look, Func<List<Protobuf>, bool> enough)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        patience.CancelAfter(Patience);
        while (true)
        {
            var found = look();
            if (enough(found))
            {
                return found;
            }

            Assert.False(patience.IsCancellationRequested, $"only {found.Count} came");
            await Task.Delay(50, Cancel);
        }
    }
}
