using System.Net;
using BuildRunner.Agent.Tests.Steps;
using BuildRunner.Agent.Work;
using BuildRunner.Core.AgentContract;

namespace BuildRunner.Agent.Tests.Work;

/// <summary>How often what was made ahead was wanted, as an agent tells it with its heartbeat.</summary>
public sealed class What_was_made_ahead_is_counted
{
    [Fact]
    public void What_the_server_did_not_hear_is_told_again()
    {
        var tally = new AheadTally();
        Assert.Null(tally.Take());
        tally.Count(true);
        tally.Count(true);
        tally.Count(false);
        var taken = tally.Take();
        Assert.Equal(new AheadUse(2, 1), taken);
        Assert.Null(tally.Take());
        tally.Count(false);
        tally.PutBack(taken);
        tally.PutBack(null);
        Assert.Equal(new AheadUse(2, 2), tally.Take());
    }

    [Fact]
    public async Task A_heartbeat_tells_the_server_each_workflow_once()
    {
        var server = new ScriptedServer();
        await using var engine = new ScriptedEngine();
        await using var agent = TestAgent.Start(server, engine);
        await server.SeesAsync(s => s.Heartbeats > 0 && engine.First is not null, "a heartbeat");

        // A beat that is not answered has told nothing.
        server.Fault = call => call == "heartbeat" ? HttpStatusCode.ServiceUnavailable : null;
        engine.First!(true);
        engine.First(false);
        var unanswered = Beats(server) + 2;
        await server.SeesAsync(s => Beats(s) >= unanswered, "two beats");
        server.Fault = _ => null;
        await server.SeesAsync(s => !s.Ahead.IsEmpty, "what was made ahead");
        var more = server.Heartbeats + 2;
        await server.SeesAsync(s => s.Heartbeats >= more, "two more beats");
        Assert.Equal([new AheadUse(1, 1)], server.Ahead);
        await agent.EndAsync();
    }

    private static int Beats(ScriptedServer server) => server.Calls.Count(call => call == "heartbeat");
}
