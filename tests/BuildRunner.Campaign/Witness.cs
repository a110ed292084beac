using System.Globalization;

namespace BuildRunner.Campaign;

/// <summary>What steps have left in a folder that BuildRunner does not own: each wrote that it started, that it ended, and each line that it had printed before.</summary>
public sealed class Witness
{
    /// <summary>What every step runs. It is in the image, and knows of BuildRunner only its variables.</summary>
    public const string Script = """
        #!/bin/sh
        # The line to the witness comes after the one to the output: what the witness has was printed.
        uptime() { cut -d' ' -f1 /proc/uptime; }
        nonce=$(cat /proc/sys/kernel/random/uuid)
        me="$CI_PIPELINE_NUMBER $CI_STEP_NAME $CI_STEP_ATTEMPT $nonce"
        echo "start $me $(uptime)" >> /witness/steps
        say() { echo "$1"; echo "$1" >> "/witness/$nonce"; }
        i=0
        while [ $i -lt 40 ]; do say "$nonce $i"; i=$((i+1)); done
        echo "the canary says $CANARY"
        [ "$CI_STEP_NAME" = a ] || [ "$(cat made-by-a)" = "$CI_PIPELINE_NUMBER" ] || { echo "end $me $(uptime) workspace" >> /witness/steps; exit 9; }
        [ "$CI_STEP_NAME" = a ] && echo "$CI_PIPELINE_NUMBER" > made-by-a
        [ "$CI_STEP_NAME" = "$SLOW" ] && if [ "$PAUSE" = told ]; then while [ ! -e "/witness/go-$CI_PIPELINE_NUMBER" ]; do sleep 0.1; done; else sleep "$PAUSE"; fi
        say "$nonce last"
        echo "end $me $(uptime) well" >> /witness/steps
        """;

    private readonly string folder;

    public Witness(string folder)
    {
        this.folder = folder;
        Directory.CreateDirectory(folder);
        File.SetUnixFileMode(folder, (UnixFileMode)0b111_111_111);
    }

    /// <summary>The machine's clock as the steps read it.</summary>
    public static double Now => double.Parse(File.ReadAllText("/proc/uptime").Split(' ')[0], CultureInfo.InvariantCulture);

    /// <summary>Everything that steps of a run have said.</summary>
    public IReadOnlyList<Testimony> Of(int run) => [.. Read().Where(t => t.Run == run)];

    /// <summary>The lines that a step has printed at least.</summary>
    public string[] Printed(string nonce)
    {
        var path = Path.Combine(folder, nonce);
        return File.Exists(path) ? File.ReadAllLines(path) : [];
    }

    /// <summary>Waits until a step of a run has started.</summary>
    public async Task StartedAsync(int run, string step, CancellationToken cancel)
    {
        while (!Of(run).Any(t => t.Step == step && t.IsStart))
        {
            await Task.Delay(10, cancel);
        }
    }

    /// <summary>Lets the step of a run that waits to be told go on.</summary>
    public void Tell(int run) => File.WriteAllBytes(Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"go-{run}")), []);

    private IEnumerable<Testimony> Read()
    {
        var path = Path.Combine(folder, "steps");
        foreach (var line in File.Exists(path) ? File.ReadAllLines(path) : [])
        {
            if (line.Split(' ') is [var what, var run, var step, var attempt, var nonce, var at, .. var how] && double.TryParse(at, CultureInfo.InvariantCulture, out var when))
            {
                yield return new Testimony(
                    what == "start", int.Parse(run, CultureInfo.InvariantCulture), step, int.Parse(attempt, CultureInfo.InvariantCulture), nonce, when, how.FirstOrDefault() ?? "");
            }
        }
    }
}

/// <summary>One word of the witness.</summary>
/// <param name="IsStart">It began; otherwise it ended.</param>
/// <param name="Run">The run's number.</param>
/// <param name="Step">The step.</param>
/// <param name="Attempt">Which attempt, as its variable says.</param>
/// <param name="Nonce">New with each process.</param>
/// <param name="At">Seconds since the machine started.</param>
/// <param name="How">How it ended: <c>well</c>, or what was wrong.</param>
public sealed record Testimony(bool IsStart, int Run, string Step, int Attempt, string Nonce, double At, string How);
