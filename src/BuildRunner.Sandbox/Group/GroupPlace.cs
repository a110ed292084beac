using BuildRunner.Sandbox.Kernel;
using BuildRunner.Sandbox.Network;
using BuildRunner.Sandbox.Rootless;
using BuildRunner.Sandbox.Wire;

namespace BuildRunner.Sandbox.Group;

/// <summary>A group's part of the host: a number, user ids and a network. It can be taken before anybody asks for a group.</summary>
/// <remarks>Nothing of it has a name on a disk, in a mount table or in a cgroup: however this process ends, nothing of it is left.</remarks>
internal sealed class GroupPlace : IDisposable
{
    private readonly Slot _slot;
    private readonly PlaceSetup _setup;
    private UserNamespace? _users;
    private Descriptor? _owners;
    private GroupNetwork? _network;
    private SlirpNetwork? _slirp;

    private GroupPlace(PlaceSetup setup)
    {
        _setup = setup;
        _slot = Slot.Acquire(setup.Slots);
    }

    public int Number => _slot.Number;

    /// <summary>The host id that is root in the group's containers.</summary>
    /// <remarks>Without the host's rights the containers have the ids that this process has.</remarks>
    public uint FirstHostId => Rights.AreOfHost ? _setup.FirstHostId + ((uint)_slot.Number * OwnerMap.Count) : 0;

    public UserNamespace Users => _users ?? throw new InvalidOperationException("the place was not furnished");

    /// <summary>The user namespace.</summary>
    public Descriptor Owners => _owners ?? throw new InvalidOperationException("the place was not furnished");

    public GroupNetwork Network => _network ?? throw new InvalidOperationException("the place was not furnished");

    /// <summary>Why the group cannot reach the world; empty if it can, or need not.</summary>
    public string UplinkProblem { get; private set; } = "";

    /// <summary>Under which a runtime can join the user namespace.</summary>
    public string UserNamespacePath => $"/proc/{Environment.ProcessId}/fd/{Owners.Number}";

    /// <summary>Takes a number; nothing is made yet.</summary>
    /// <exception cref="KernelException">All are taken.</exception>
    public static GroupPlace Take(PlaceSetup setup) => new(setup);

    /// <summary>Makes what belongs to the number: the user namespace, and the network.</summary>
    /// <param name="slirpLog">Where the program says what it does that is an ordinary user's way out; for a place of the host itself it is not used.</param>
    /// <exception cref="KernelException">The kernel refuses.</exception>
    public void Furnish(string slirpLog)
    {
        _users = Rights.AreOfHost ? UserNamespace.Create(OwnerMap.Same(FirstHostId), OwnerMap.Same(FirstHostId)) : UserNamespace.Create(OwnerMap.Own("uid_map"), OwnerMap.Own("gid_map"));
        _owners = _users.Open();
        _slirp = Rights.AreOfHost ? null : SlirpNetwork.Create(_setup.Uplink, slirpLog);
        _network = GroupNetwork.Create(AddressPlan.OfSlot(_setup.PoolAddress, _slot.Number), AddressPlan6.OfSlot(_setup.PoolAddress6, _slot.Number));
    }

    /// <summary>Connects the network with the world, if the group shall reach it.</summary>
    public void Connect() => UplinkProblem = !_setup.Uplink || _slirp is { Problem.Length: > 0 } ? _slirp?.Problem ?? "" : ConnectUplink();

    /// <summary>Makes sure that the host's rules are in force for it as they are meant now: it may have been taken long ago.</summary>
    public void Renew(PlaceSetup setup)
    {
        if (setup.Uplink)
        {
            // Its device is there, under the letters of these rules.
            UplinkProblem = Rules(setup, static _ => { });
        }
    }

    /// <summary>Makes the next container's network namespace while nobody waits for it.</summary>
    public void MakeSpareNetwork()
    {
        try
        {
            Network.MakeSpare(Users);
        }
        catch (KernelException)
        {
            // Whoever needs a network makes it, and tells why that cannot be done.
        }
    }

    /// <summary>Lets everything go but the number.</summary>
    public void Close()
    {
        _network?.Dispose();
        _slirp?.Dispose();
        _users?.Dispose();
        _owners?.Dispose();
    }

    /// <summary>Gives the number back, when nothing of the group is left.</summary>
    public void Dispose() => _slot.Dispose();

    // The process id makes the name unique: the device of the slot's last holder may not have vanished yet.
    private string ConnectUplink() => Rules(_setup, name => Network.ConnectUplink($"{name}{Environment.ProcessId}"));

    private static string Rules(PlaceSetup setup, Action<string> connect)
    {
        try
        {
            return Firewall.Connect(setup.FirewallRules, setup.FirewallNames, forwards6: setup.PoolAddress6 != 0, connect);
        }
        catch (KernelException e)
        {
            return e.Message;
        }
    }
}
