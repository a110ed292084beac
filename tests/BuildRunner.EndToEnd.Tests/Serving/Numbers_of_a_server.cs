using System.Globalization;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using BuildRunner.Testing;
using BuildRunner.Testing.Git;

namespace BuildRunner.EndToEnd.Tests.Serving;

/// <summary>What <c>/metrics</c> counts is what happened: exactly, of a server that nobody else uses.</summary>
public sealed class Numbers_of_a_server : IDisposable
{
    private readonly TestFolder folder = TestFolder.Create();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task They_are_those_of_its_runs_its_queue_its_agents_and_its_logs()
    {
        await using var service = await Service.UpAsync(folder, ("Server:MetricsToken", "abc"), ("Agent:Slots", "3"));
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = service.Http.BaseAddress };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", "abc");

        // Runs are measured from when somebody has asked for numbers.
        await UntilAsync(http, m => m.Of("buildrunner_build_info") == 1 && m.Of("buildrunner_slots", "state=free") == 3, service);
        await MakeAsync(service);
        await (await service.RunAsync("acme/shop")).EndedAsAsync("success", "build", "check");
        await (await service.RunAsync("acme/shop", new JsonObject { ["inputs"] = new JsonObject { ["code"] = "7" } })).EndedAsAsync("failure");
        await service.SendAsync(HttpMethod.Post, "/api/v1/repos/acme/models/runs", new JsonObject());

        var expected = new Dictionary<string, Func<Metrics, double>>
        {
            ["runs that waited: 2"] = m => m.Of("cicd_pipeline_run_duration_seconds_count", "state=pending"),
            ["runs that succeeded: 1"] = m => m.Of("cicd_pipeline_run_duration_seconds_count", "state=executing", "result=success"),
            ["runs that failed: 1"] = m => m.Of("cicd_pipeline_run_duration_seconds_count", "state=executing", "result=failure"),
            ["runs that go on: 1"] = m => m.Of("cicd_pipeline_run_active"),
            ["workflows that wait for a label: 1"] = m => m.Of("buildrunner_queue_depth", "labels=gpu=yes"),
            ["workflows that wait: 1"] = m => m.Of("buildrunner_queue_depth"),
            ["agents that are idle: 1"] = m => m.Of("cicd_worker_count", "state=available"),
            ["slots that are free: 3"] = m => m.Of("buildrunner_slots", "state=free"),
            ["slots in use: 0"] = m => m.Of("buildrunner_slots", "state=used"),
            ["steps that ran well: 3"] = m => m.Of("buildrunner_step_phase_duration_seconds_count", "phase=run", "result=success"),
            ["steps that ran and failed: 1"] = m => m.Of("buildrunner_step_phase_duration_seconds_count", "phase=run", "result=failure"),
            ["steps that were queued: 4"] = m => m.Of("buildrunner_step_phase_duration_seconds_count", "phase=queue"),
            ["logs that were brought to their end: 4"] = m => m.Of("buildrunner_step_phase_duration_seconds_count", "phase=drain"),
            ["workflows that were cleaned up: 2"] = m => m.Of("buildrunner_step_phase_duration_seconds_count", "phase=cleanup"),
            ["steps that were lost: 0"] = m => m.Of("buildrunner_step_lost"),
            ["runs that ended in an error: 0"] = m => m.Of("cicd_pipeline_run_errors"),
            ["errors of the system: 0"] = m => m.Of("cicd_system_errors"),
        };
        string[] Told(Metrics m) => [.. expected.Select(e => $"{e.Key.Split(':')[0]}: {e.Value(m).ToString(CultureInfo.InvariantCulture)}")];
        var last = await UntilAsync(http, m => Told(m).SequenceEqual(expected.Keys) && m.Of("buildrunner_queue_oldest_age_seconds") > 0, service, m => string.Join('\n', Told(m)));

        Assert.InRange(last.Of("buildrunner_step_phase_duration_seconds_sum", "phase=run", "result=success"), 0.3, 3600);
        Assert.InRange(last.Of("buildrunner_disk_free_bytes"), 1, double.MaxValue);
        Assert.Equal(Directory.EnumerateFiles(folder["data/logs"], "*", SearchOption.AllDirectories).Sum(f => new FileInfo(f).Length), last.Of("buildrunner_log_bytes"));
    }

    private async Task MakeAsync(Service service)
    {
        var shop = TestRepository.Create(folder["repos"], "shop");
        shop.Commit(".buildrunner.yml", """
            skip_clone: true
            inputs:
              code: { type: number, default: 0 }
            steps:
              - name: build
                image: rootfs:/
                commands: [ "echo hello", "sleep 0.3" ]
              - name: check
                image: rootfs:/
                environment: { CODE: "${code}" }
                commands: [ "exit $CODE" ]
            """);
        await service.AddAsync("acme/shop", folder["repos/shop.git"]);
        var models = TestRepository.Create(folder["repos"], "models");
        models.Commit(".buildrunner.yml", "skip_clone: true\nlabels: { gpu: 'yes' }\nsteps:\n  - name: train\n    image: rootfs:/\n    commands: [ 'true' ]\n");
        await service.AddAsync("acme/models", folder["repos/models.git"]);
    }

    private static async Task<Metrics> UntilAsync(HttpClient http, Func<Metrics, bool> done, Service service, Func<Metrics, string>? tell = null)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        patience.CancelAfter(TimeSpan.FromMinutes(3));
        var last = new Metrics("");
        try
        {
            while (true)
            {
                last = new Metrics(await http.GetStringAsync("/metrics", patience.Token));
                if (done(last))
                {
                    return last;
                }

                await Task.Delay(200, patience.Token);
            }
        }
        catch (OperationCanceledException) when (!Cancel.IsCancellationRequested)
        {
            Assert.Fail($"the numbers stayed these:\n{tell?.Invoke(last)}\n{last.Text}\n{service.Said}");
            throw;
        }
    }

    /// <summary>A page of metrics as Prometheus reads it.</summary>
    private sealed class Metrics(string text)
    {
        public string Text => text;

        /// <summary>The sum over all series of an instrument with certain labels, each named by the end of its name; 0 if there is none.</summary>
        public double Of(string name, params string[] labels) => text.Split('\n')
            .Where(line => line.StartsWith(name + '{', StringComparison.Ordinal) || line.StartsWith(name + "_total{", StringComparison.Ordinal))
            .Where(line => labels.All(label => label.Split('=', 2) is [var key, var value] && line.Contains($"{key}=\"{value}\"", StringComparison.Ordinal)))
            .Sum(line => double.Parse(line[(line.LastIndexOf('}') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[0], CultureInfo.InvariantCulture));
    }
}
