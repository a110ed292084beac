using BuildRunner.Sandbox.Wire;

namespace BuildRunner.Containers.Engine.Oci;

/// <summary>What a container executes, from the image, the specification and what its start adds.</summary>
internal static class ContainerCommand
{
    private const string DefaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    /// <summary>Command and environment, with the rules of Docker: an entry point that was replaced also drops the image's command.</summary>
    /// <exception cref="ContainerException">There is no command.</exception>
    public static GoRequest Resolve(ContainerSpec spec, StartSpec start, string hostName)
    {
        var arguments = start.Arguments ?? [.. spec.Entrypoint ?? spec.Image.Config.Entrypoint, .. spec.Command ?? (spec.Entrypoint is null ? spec.Image.Config.Command : [])];
        if (arguments.Count == 0)
        {
            throw new ContainerException(ContainerFailure.InvalidSpec, $"The image {spec.Image.DisplayName} names no command, and the step gives none: add commands or entrypoint.");
        }

        return new GoRequest(arguments, Environment(spec, start, hostName), InputPump.KindOf(start.Input));
    }

    private static List<string> Environment(ContainerSpec spec, StartSpec start, string hostName)
    {
        var variables = new Dictionary<string, string> { ["HOSTNAME"] = hostName };
        foreach (var (name, value) in spec.Image.Config.Environment.Concat(spec.Environment).Concat(start.Environment))
        {
            variables[name] = Checked(name, value);
        }

        var result = variables.Select(v => $"{v.Key}={v.Value}").ToList();
        if (!variables.ContainsKey("PATH"))
        {
            result.Add(DefaultPath);
        }

        return result;
    }

    private static string Checked(string name, string value) => name.Length == 0 || name.Contains('=') || name.Contains('\0') || value.Contains('\0')
        ? throw new ContainerException(ContainerFailure.InvalidSpec, $"The environment variable '{name}' cannot be set: a name without '=', and no zero bytes, please.")
        : value;
}
