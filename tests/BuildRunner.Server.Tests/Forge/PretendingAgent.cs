using BuildRunner.Core.AgentContract;
using BuildRunner.Core.Runs;
using BuildRunner.Server.Tests.Api;

namespace BuildRunner.Server.Tests.Forge;

/// <summary>An agent that runs nothing.</summary>
internal static class PretendingAgent
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>Takes all the work of one workflow, and says of each step that it ended so and wrote that.</summary>
    public static async Task DoAllAsync(HttpServer server, Outcome outcome, string log)
    {
        var agent = await server.AgentAsync();
        while (true)
        {
            var claim = new ClaimRequest { Claim = Guid.NewGuid(), FreeSlots = 4, Stopping = [] };
            var answer = await HttpServer.PostAsync(agent, AgentRoutes.Claim, claim, AgentContractJson.Default.ClaimRequest, AgentContractJson.Default.ClaimResponse);
            foreach (var item in answer.Work)
            {
                if (item.Task is WorkTask.Step)
                {
                    await SayAsync(agent, item, AgentRoutes.Intent, new IntentRequest { Fence = item.Fence, Image = "busybox" }, AgentContractJson.Default.IntentRequest);
                    await LogAsync(agent, item, log);
                }

                WorkResult result = item.Task switch
                {
                    WorkTask.Start => new WorkResult.Ready(),
                    WorkTask.Step => new WorkResult.Ended(new StepReport { Outcome = outcome, Image = "busybox" }),
                    _ => new WorkResult.Released(),
                };
                await SayAsync(agent, item, AgentRoutes.Result, new ResultRequest { Fence = item.Fence, Result = result }, AgentContractJson.Default.ResultRequest);
                if (item.Task is WorkTask.Release)
                {
                    return;
                }
            }
        }
    }

    private static async Task SayAsync<T>(HttpClient agent, WorkItem item, string route, T body, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
    {
        using var response = await HttpServer.SendAsync(agent, AgentRoutes.For(route, item.Id), body, type);
        Assert.True(response.IsSuccessStatusCode, $"{route}: {await response.Content.ReadAsStringAsync(Cancel)}");
    }

    private static async Task LogAsync(HttpClient agent, WorkItem item, string log)
    {
        var bytes = new List<byte>();
        foreach (var line in log.TrimEnd('\n').Split('\n'))
        {
            var frame = new LogFrame(Core.Logs.LogStream.Out, DateTimeOffset.UnixEpoch, Unterminated: false, System.Text.Encoding.UTF8.GetBytes(line));
            var buffer = new byte[frame.Size];
            frame.Write(buffer);
            bytes.AddRange(buffer);
        }

        var hash = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData([.. bytes]));
        using var response = await agent.PutAsync(AgentRoutes.ForLog(item.Id, LogStreams.Output, item.Fence, 0, hash), new ByteArrayContent([.. bytes]), Cancel);
        Assert.True(response.IsSuccessStatusCode);
    }
}
