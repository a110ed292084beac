namespace BuildRunner.Containers.Engine;

/// <summary>The labels that the host's security modules keep containers by, as the machine's settings name them.</summary>
public sealed record SecurityLabels
{
    /// <summary>In the place of a profile: none, also where one is loaded that could be taken.</summary>
    public const string Unconfined = "unconfined";

    /// <summary>The AppArmor profile, which has to be loaded; <see cref="Unconfined"/>: none. Null: one for containers that is loaded, if AppArmor is in force.</summary>
    public string? AppArmorProfile { get; init; }

    /// <summary>The SELinux label of processes, <c>user:role:type:level</c>. Null: none of their own.</summary>
    public string? SelinuxLabel { get; init; }

    /// <summary>The SELinux label of the files that a container is given, but for the workspace's and volumes', which keep theirs. Null: as the policy has it.</summary>
    public string? SelinuxMountLabel { get; init; }

    /// <summary>What is wrong with them as texts, one sentence each.</summary>
    public IReadOnlyList<string> Problems()
    {
        var problems = new List<string>();
        if (AppArmorProfile is { } profile && (profile.Length == 0 || profile.Any(IsOdd)))
        {
            problems.Add($"Engine:{nameof(AppArmorProfile)} '{profile}' is not the name of a profile; it looks like docker-default, or is unconfined for none.");
        }

        foreach (var (name, label) in new[] { (nameof(SelinuxLabel), SelinuxLabel), (nameof(SelinuxMountLabel), SelinuxMountLabel) })
        {
            if (label is not null && (label.Split(':').Length is < 3 || label.Any(IsOdd)))
            {
                problems.Add($"Engine:{name} '{label}' is not a label of SELinux; one looks like system_u:system_r:container_t:s0.");
            }
        }

        if (SelinuxMountLabel is not null && SelinuxLabel is null)
        {
            problems.Add($"Engine:{nameof(SelinuxMountLabel)} is of use only with Engine:{nameof(SelinuxLabel)}.");
        }

        return problems;
    }

    // What ends a line or an option of a mount.
    private static bool IsOdd(char c) => char.IsControl(c) || char.IsWhiteSpace(c) || c is '"' or '\'' or '\\';
}
