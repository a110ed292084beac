namespace BuildRunner.Sandbox.Wire;

/// <summary>Which IPv6 addresses a group has, if it has any: a /64 of its slot.</summary>
/// <param name="Network">The first address, its highest byte first; 0: none.</param>
internal readonly record struct AddressPlan6(UInt128 Network)
{
    /// <summary>The length of the prefix that the containers share.</summary>
    public const byte ContainerPrefix = 64;

    /// <summary>No addresses.</summary>
    public static AddressPlan6 None => default;

    /// <summary>The group's router has it, on its end of the link to the host; it counts on that link only.</summary>
    public static UInt128 UplinkRouter => LinkLocal + 2;

    /// <summary>The host's end of that link.</summary>
    public static UInt128 UplinkHost => LinkLocal + 1;

    private static UInt128 LinkLocal => new(0xFE80_0000_0000_0000, 0);

    /// <param name="pool">The first address of all groups; 0 if there are none.</param>
    /// <param name="slot">The group's number.</param>
    public static AddressPlan6 OfSlot(UInt128 pool, int slot) => pool == 0 ? None : new(pool + ((UInt128)slot << 64));

    public bool Exists => Network != 0;

    /// <summary>The bridge, the containers' way out.</summary>
    public UInt128 Gateway => Network + 1;

    /// <summary>The address of the container that has this one in IPv4: the last byte is the same.</summary>
    public UInt128 Container(uint address) => Network + (address & 0xFF);
}
