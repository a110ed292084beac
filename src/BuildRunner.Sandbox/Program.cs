using BuildRunner.Sandbox.Group;
using BuildRunner.Sandbox.Init;
using BuildRunner.Sandbox.Kernel;
using BuildRunner.Sandbox.Reap;
using BuildRunner.Sandbox.Rootless;
using BuildRunner.Sandbox.Shim;
using BuildRunner.Sandbox.Waiter;

// The programs around a container, in one static executable (docs/decisions/0001): what holds a workflow's namespaces, what stands beside
// each container, and what is its first process. Engines start them; people have no use for any of them.
#if RESTLESS
BuildRunner.Sandbox.Stress.RestlessCollector.Start();
#endif
if (RootlessEntry.Passes(args))
{
    return RootlessEntry.Run(args) ?? Unknown();
}

StandardStreams.KeepToThisProcess();
StandardStreams.SurviveLostReaders();
return args switch
{
    ["group"] => GroupHolder.Run(),
    ["shim"] => ContainerShim.Run(),
    ["init"] => ContainerInit.Run(),
    ["wait"] => ContainerWaiter.RunOnStandardStreams(),
    ["wait", var socket] => ContainerWaiter.RunOnSocket(socket),
    ["reap", var stateRoot, var scratchRoot, var owner] => Reaper.Run(stateRoot, scratchRoot, owner),
    _ => RootlessEntry.Run(args) ?? Unknown(),
};

static int Unknown()
{
    Console.Error.WriteLine("buildrunner-sandbox is a part of BuildRunner and is started by it.");
    return 2;
}
