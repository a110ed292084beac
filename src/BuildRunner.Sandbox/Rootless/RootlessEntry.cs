using System.Globalization;
using BuildRunner.Sandbox.Kernel;

namespace BuildRunner.Sandbox.Rootless;

/// <summary>Puts a program of an ordinary user into a user namespace of its own, in which that user is root and has the ids that the host gave them.</summary>
/// <remarks>
/// The program keeps its process: terminal, signals, exit status and parent are as they were, and nothing stands between it and whoever started it. A process with
/// several threads cannot enter a new user namespace, and this one has a collector's, so it becomes <c>unshare</c>, which has one:
/// 1. <see cref="Begin"/> starts a child that stays outside, and becomes <c>unshare --user</c>, which becomes
/// 2. <see cref="Enter"/>: it tells the child that it is inside,
/// 3. the child (<see cref="GiveIds"/>) has <c>newuidmap</c> and <c>newgidmap</c> hand out the ids, and ends,
/// 4. and the process becomes itself once more, by which it gets root's rights, and then the program: the kernel treats a program that has just got rights as secret.
/// </remarks>
internal static unsafe class RootlessEntry
{
    /// <summary>The verb that engines start.</summary>
    public const string Verb = "rootless";

    private const string VerbInside = "rootless-inside", VerbIds = "rootless-ids", VerbRoot = "rootless-root";

    // That of an engine that cannot be used.
    private const int Failed = 5;

    /// <summary>True: these words are of this conversation, in which descriptors and signals of the caller are passed on as they are.</summary>
    public static bool Passes(string[] words) => words is [Verb or VerbInside or VerbRoot, ..];

    /// <summary>Runs a verb of this conversation; null if it is none.</summary>
    public static int? Run(string[] words) => words switch
    {
        [Verb, var users, var groups, var program, .. { Length: > 0 } command] => Begin(users, groups, program, command),
        [VerbInside, var child, var door, var program, .. { Length: > 0 } command] => Enter(Number(child), Number(door), program, command),
        [VerbRoot, var program, .. { Length: > 0 } command] => Become(program, command),
        [VerbIds, var process, var users, var groups] => GiveIds(process, users, groups),
        _ => null,
    };

    private static string Self => Environment.ProcessPath ?? "/proc/self/exe";

    private static int Begin(string users, string groups, string program, string[] command)
    {
        if (Processes.Find("unshare") is not { } unshare)
        {
            return Say("the program unshare, which makes a user namespace, is missing; as root: apt-get install util-linux");
        }

        var (read, write) = Descriptor.Pipe();
        using (read)
        {
            var child = Processes.Spawn(Self, [Self, VerbIds, Text(Environment.ProcessId), users, groups], read.Number, 2, 2);
            if (child < 0)
            {
                return Say(KernelException.FromErrorNumber($"start {Self}", -child).Message);
            }

            Keep(write.Number);
            return Become(unshare, ["unshare", "--user", "--", Self, VerbInside, Text(child), Text(write.Number), program, .. command]);
        }
    }

    private static int Enter(int child, int door, string program, string[] command)
    {
        using (var inside = new Descriptor(door))
        {
            _ = inside.Write([1]);
        }

        // It has said why.
        return Processes.Wait(child) == 0 ? Become(Self, [Self, VerbRoot, program, .. command]) : Failed;
    }

    /// <summary>The child outside, whose standard input tells that its parent is inside, or ends with it.</summary>
    private static int GiveIds(string process, string users, string groups)
    {
        using var input = new Descriptor(0);
        Span<byte> one = [0];
        if (input.Read(one) != 1)
        {
            return Say("this host lets an ordinary user make no user namespace; 'buildrunner doctor' says what is missing");
        }

        return Give("newuidmap", process, users) && Give("newgidmap", process, groups) ? 0 : 1;
    }

    private static bool Give(string program, string process, string map)
    {
        if (Processes.Find(program) is not { } found)
        {
            Say($"the program {program} is missing; as root: apt-get install uidmap");
            return false;
        }

        var child = Processes.Spawn(found, [program, process, .. map.Split(' ')], 0, 2, 2);
        if (child > 0 && Processes.Wait(child) == 0)
        {
            return true;
        }

        Say($"{found} refused to hand out the ids {map}; 'buildrunner doctor' says what is missing");
        return false;
    }

    private static int Become(string program, string[] command)
    {
        using var path = new NativeStrings([program]);
        using var words = new NativeStrings(command);
        _ = Libc.HandleSignal(SignalPipe, 0);
        _ = Libc.Execute(path.Pointers[0], words.Pointers);
        var error = System.Runtime.InteropServices.Marshal.GetLastPInvokeError();
        return Say(KernelException.FromErrorNumber($"start {program}", error).Message);
    }

    private static void Keep(int descriptor) => _ = Libc.Fcntl(descriptor, SetDescriptorFlags, 0);

    private static int Say(string problem)
    {
        Console.Error.WriteLine($"buildrunner: {problem}");
        return Failed;
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);

    private const int SetDescriptorFlags = 2, SignalPipe = 13;
}
