using BuildRunner.Sandbox.Group;
using BuildRunner.Sandbox.Init;
using BuildRunner.Sandbox.Kernel;
using BuildRunner.Sandbox.Reap;
using BuildRunner.Sandbox.Shim;

// The programs around a container, in one static executable (docs/decisions/0001): what holds a workflow's namespaces, what stands beside
// each container, and what is its first process. The engine starts the first two; people have no use for any of them.
StandardStreams.KeepToThisProcess();
StandardStreams.SurviveLostReaders();
return args switch
{
    ["group"] => GroupHolder.Run(),
    ["shim"] => ContainerShim.Run(),
    ["init"] => ContainerInit.Run(),
    ["reap", var stateRoot, var scratchRoot, var owner] => Reaper.Run(stateRoot, scratchRoot, owner),
    _ => Unknown(),
};

static int Unknown()
{
    Console.Error.WriteLine("buildrunner-sandbox is a part of BuildRunner and is started by it.");
    return 2;
}
