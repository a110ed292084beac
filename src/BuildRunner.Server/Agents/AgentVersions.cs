namespace BuildRunner.Server.Agents;

/// <summary>Which agents this server understands.</summary>
internal static class AgentVersions
{
    /// <summary>The server's own version.</summary>
    public static Version Server { get; } = typeof(AgentVersions).Assembly.GetName().Version ?? new Version(0, 0, 0);

    /// <summary>Why an agent is refused, with what to do; null if it is taken. One minor version older works, as does any patch.</summary>
    public static string? WhyNot(string agent, Version server)
    {
        if (!Version.TryParse(agent, out var version))
        {
            return $"'{agent}' is no version of BuildRunner";
        }

        if (version.Major == server.Major && version.Minor >= server.Minor - 1 && version.Minor <= server.Minor)
        {
            return null;
        }

        return version > server
            ? $"the agent is version {agent}, the server {server.ToString(3)}; update the server first"
            : $"the agent is version {agent}, the server {server.ToString(3)}; install version {server.ToString(3)} on the agent's machine";
    }
}
