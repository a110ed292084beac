namespace BuildRunner.Sandbox.Wire;

/// <summary>Which addresses a group has: the 256 of its slot.</summary>
/// <remarks>The lower half belongs to the bridge and the containers, the last four to the link between the group's router and the host.</remarks>
/// <param name="Network">The first address; the highest byte of the number is the first of the address.</param>
internal readonly record struct AddressPlan(uint Network)
{
    /// <summary>The length of the prefix that the containers share.</summary>
    public const byte ContainerPrefix = 25;

    /// <summary>The length of the prefix between router and host.</summary>
    public const byte UplinkPrefix = 30;

    /// <summary>How many containers of a group can be connected at once.</summary>
    public const int Containers = 125;

    public static AddressPlan OfSlot(uint pool, int slot) => new(pool + ((uint)slot << 8));

    /// <summary>The bridge, the containers' way out.</summary>
    public uint Gateway => Network + 1;

    public uint UplinkHost => Network + 253;

    public uint UplinkRouter => Network + 254;

    /// <summary>The address of a container.</summary>
    /// <param name="number">0 to <see cref="Containers"/> - 1.</param>
    public uint Container(int number) => Network + 2 + (uint)number;

    /// <summary>An address as people write it.</summary>
    public static string Format(uint address) => $"{address >> 24}.{(address >> 16) & 255}.{(address >> 8) & 255}.{address & 255}";
}
