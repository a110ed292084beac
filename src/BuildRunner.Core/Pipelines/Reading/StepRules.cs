using System.Globalization;
using BuildRunner.Core.Pipelines.Yaml;
using BuildRunner.Core.Planning;

namespace BuildRunner.Core.Pipelines.Reading;

/// <summary>What must hold between the keys of one step or service.</summary>
internal static class StepRules
{
    /// <summary>Checks a step.</summary>
    public static void Check(StepFile step, DiagnosticBag diagnostics)
    {
        if (step.Settings.Count > 0)
            CheckPlugin(step, diagnostics);
        if (step.Name.Any(char.IsControl))
            diagnostics.Error(DiagnosticCodes.BadName, step.Location, "a name cannot have line breaks or control characters");
        foreach (var entry in step.Environment.Concat(step.Settings).Where(entry => entry.Key.Contains('=') || entry.Key.Any(char.IsControl)))
            diagnostics.Error(DiagnosticCodes.BadName, entry.KeyLocation, $"`{entry.Key}` cannot be the name of an environment variable", "A name has neither `=` nor control characters");
        foreach (var volume in step.Volumes)
            CheckVolume(volume, diagnostics);
        CheckDevices(step.Devices, diagnostics);
        CheckNames(step, diagnostics);
        foreach (var port in step.Ports)
            CheckPort(port, diagnostics);
    }

    /// <summary>Warns of the old list form of <c>environment</c>, and reports items of it that are no <c>NAME=value</c>.</summary>
    public static void CheckEnvironmentLists(YamlNode? steps, DiagnosticBag diagnostics)
    {
        var nodes = steps switch
        {
            YamlNode.Sequence list => list.Items,
            YamlNode.Mapping map => [.. map.Entries.Select(entry => entry.Value)],
            _ => [],
        };
        foreach (var list in nodes.OfType<YamlNode.Mapping>().Select(step => step.Get("environment")).OfType<YamlNode.Sequence>())
        {
            diagnostics.Warning(DiagnosticCodes.Deprecated, list.Location, "a list under `environment` is an old form", "Write `NAME: value`");
            foreach (var item in list.Items.OfType<YamlNode.Scalar>().Where(item => item.Text.IndexOf('=') <= 0))
                diagnostics.Error(DiagnosticCodes.BadValue, item.Location, $"`{item.Text}` must be `NAME=value`");
        }
    }

    private static void CheckPlugin(StepFile step, DiagnosticBag diagnostics)
    {
        var location = step.Settings[0].KeyLocation;
        if (step.Commands.Count > 0)
            diagnostics.Error(DiagnosticCodes.Conflict, location, "a step cannot have both `commands` and `settings`", "Settings are for plugins, which run without commands; pass values to commands with `environment`");
        else if (step.Entrypoint.Count > 0)
            diagnostics.Error(DiagnosticCodes.Conflict, location, "a step cannot have both `entrypoint` and `settings`", "Settings are for plugins, which have an entry point of their own");
        else if (step.Environment.Count > 0)
            diagnostics.Warning(DiagnosticCodes.Conflict, step.Environment[0].KeyLocation, "with `environment` the step no longer counts as a plugin", "Secrets that are limited to plugins are withheld; use `settings` alone");
    }

    private static void CheckVolume(TextFile volume, DiagnosticBag diagnostics)
    {
        var parts = volume.Text.Split(':');
        if (parts.Length is < 2 or > 3 || parts[0].StartsWith('.') || !parts[1].StartsWith('/') || (parts.Length == 3 && parts[2] is not ("ro" or "rw")))
            diagnostics.Error(DiagnosticCodes.BadValue, volume.Location, $"`{volume.Text}` must be `source:target` or `source:target:ro`, with absolute paths");
    }

    private static void CheckNames(StepFile step, DiagnosticBag diagnostics)
    {
        foreach (var host in step.ExtraHosts)
        {
            if (!HostEntry.TryParse(host.Text, out _, out var problem))
                diagnostics.Error(DiagnosticCodes.BadValue, host.Location, $"`{host.Text}` {problem}");
        }

        foreach (var server in step.Dns.Where(server => !HostEntry.TryReadAddress(server.Text, out _)))
            diagnostics.Error(DiagnosticCodes.BadValue, server.Location, $"`{server.Text}` must be the IP address of a name server");
        foreach (var domain in step.DnsSearch.Where(domain => domain.Text != "." && Uri.CheckHostName(domain.Text.TrimEnd('.')) != UriHostNameType.Dns))
            diagnostics.Error(DiagnosticCodes.BadValue, domain.Location, $"`{domain.Text}` must be a domain in which names are searched");
    }

    private static void CheckDevices(IReadOnlyList<TextFile> devices, DiagnosticBag diagnostics)
    {
        var targets = new HashSet<string>(StringComparer.Ordinal);
        foreach (var text in devices)
        {
            if (!DeviceRequest.TryParse(text.Text, out var device, out var problem))
                diagnostics.Error(DiagnosticCodes.BadValue, text.Location, $"`{text.Text}` {problem}");
            else if (!targets.Add(device.Target))
                diagnostics.Error(DiagnosticCodes.Conflict, text.Location, $"two devices of this step are to be at `{device.Target}`", "Name another place: `source:target`");
        }
    }

    private static void CheckPort(TextFile port, DiagnosticBag diagnostics)
    {
        var parts = port.Text.Split('/');
        if (parts.Length > 2 || !ushort.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number == 0 || (parts.Length == 2 && parts[1] is not ("tcp" or "udp")))
            diagnostics.Error(DiagnosticCodes.BadValue, port.Location, $"`{port.Text}` must be a port: `5432` or `53/udp`");
    }
}
