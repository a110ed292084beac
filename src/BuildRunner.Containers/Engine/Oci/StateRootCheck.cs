namespace BuildRunner.Containers.Engine.Oci;

/// <summary>The runtime reaches the mount points of a container with the rights of the container's own ids, which are nobody's on the host.</summary>
internal static class StateRootCheck
{
    /// <exception cref="ContainerException">A folder on the way to the mount points may not be entered by everybody; runc would only say "permission denied".</exception>
    public static void Demand(string stateRoot)
    {
        for (var at = Path.TrimEndingDirectorySeparator(stateRoot); at is not null; at = Path.GetDirectoryName(at))
        {
            if (Directory.Exists(at) && (File.GetUnixFileMode(at) & UnixFileMode.OtherExecute) == 0)
            {
                throw new ContainerException(
                    ContainerFailure.EngineUnavailable,
                    $"The engine's state directory {stateRoot} cannot be used: {(at == stateRoot ? "it" : $"the folder {at} above it")} may not be entered by everybody, and containers have ids of "
                    + $"their own. Say 'chmod o+x {at}', or name another directory with the setting Engine:StateDir.");
            }
        }
    }
}
