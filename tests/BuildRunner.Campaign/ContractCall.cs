using System.Text.Json;

namespace BuildRunner.Campaign;

/// <summary>A call of an agent to its server, as it passes the gate.</summary>
/// <param name="Agent">Who calls.</param>
/// <param name="Name">The last part of its path: <c>claim</c>, <c>intent</c>, <c>result</c> …</param>
/// <param name="Work">The work that it is about, as the path has it; null: it is about none.</param>
/// <param name="Body">What it says.</param>
public sealed record ContractCall(string Agent, string Name, string? Work, byte[] Body)
{
    /// <summary>The server's status; 0: it has not answered.</summary>
    public int Status { get; set; }

    /// <summary>The server's answer.</summary>
    public byte[] Answer { get; set; } = [];

    /// <summary>The work that a claim's answer brings.</summary>
    public IReadOnlyList<GivenWork> Given()
    {
        if (Name != "claim" || Status != 200)
        {
            return [];
        }

        using var json = JsonDocument.Parse(Answer);
        return
        [
            .. from item in json.RootElement.GetProperty("work").EnumerateArray()
               let task = item.GetProperty("task")
               let kind = task.GetProperty("is").GetString()!
               select new GivenWork(
                   Plain(item.GetProperty("id").ToString()),
                   item.GetProperty("runName").GetString()!,
                   kind,
                   kind == "step" ? task.GetProperty("plan").GetProperty("name").GetString()! : "",
                   kind == "step" ? task.GetProperty("attempt").GetInt32() : 0),
        ];
    }

    /// <summary>An id without dashes.</summary>
    public static string Plain(string id) => id.Replace("-", "", StringComparison.Ordinal);
}

/// <summary>A piece of work that an agent was given.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Run">The run: OWNER/NAME#NUMBER.</param>
/// <param name="Kind"><c>start</c>, <c>step</c> or <c>release</c>.</param>
/// <param name="Step">The step's name.</param>
/// <param name="Attempt">Which attempt.</param>
public sealed record GivenWork(string Id, string Run, string Kind, string Step, int Attempt);
