using BuildRunner.Cli;

// Asked most often by scripts and editors: nothing else is loaded for it.
if (args is ["version"] or ["--version"])
{
    using var output = Console.OpenStandardOutput();
    output.Write(System.Text.Encoding.UTF8.GetBytes(VersionVerb.Text));
    return 0;
}

return await CommandLine.RunAsync(args, CliHost.OfProcess());
