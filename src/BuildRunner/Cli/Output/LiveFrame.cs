using BuildRunner.Core.Runs;

namespace BuildRunner.Cli.Output;

/// <summary>What the live view shows at one moment, as lines that fit the terminal. Pure.</summary>
internal sealed class LiveFrame(Style style, RunTitle title, DateTimeOffset started)
{
    private const int MaxImage = 28;
    private const int MinImage = 12;
    private const int MinDetail = 8;
    private const int TimeWidth = 8;

    /// <summary>The lines, none wider than <paramref name="width"/> and fewer than <paramref name="height"/>.</summary>
    /// <param name="rows">Steps and services in the order in which they are shown.</param>
    /// <param name="now">The moment.</param>
    /// <param name="width">Columns.</param>
    /// <param name="height">Lines of the terminal.</param>
    /// <param name="ended">True: the last frame, which stays.</param>
    public List<string> Render(IReadOnlyList<LiveRow> rows, DateTimeOffset now, int width, int height, bool ended)
    {
        var room = Math.Max(1, height - 3);
        var running = rows.Count(r => r.Phase is StepPhase.Running);
        var window = ended || running == 0 ? 0 : Math.Clamp((room - rows.Count) / running, 0, LiveRow.WindowLines);
        var shown = ended ? rows : Shown(rows, room);
        var labels = Math.Clamp(rows.Max(r => CellText.Width(r.Label)), 1, Math.Min(32, Math.Max(8, width / 2)));

        // In a narrow terminal the images give way first.
        var widest = Math.Min(MaxImage, rows.Max(r => CellText.Width(ImageOf(r))));
        var images = width - style.SignWidth - 3 - labels - TimeWidth is var left && left >= Math.Min(widest, MinImage) ? Math.Min(widest, left) : 0;
        var lines = new List<string> { Header(now, width) };
        foreach (var row in shown)
        {
            lines.Add(Row(row, now, labels, images, width));
            if (row.Phase is StepPhase.Running)
            {
                lines.AddRange(row.Window.TakeLast(window).Select(text => $"  {style.Dim(style.Bar)} {CellText.Fit(text, Math.Max(1, width - 4), style.Ellipsis)}"));
            }
        }

        if (shown.Count < rows.Count)
        {
            lines.Add(style.Dim($"  {style.Ellipsis} {rows.Count - shown.Count} more, finished or waiting"));
        }

        if (!ended)
        {
            lines.Add(Footer(rows, width));
        }

        return lines;
    }

    // What runs is always shown; then what comes next and what ended last, as far as there is room.
    private static IReadOnlyList<LiveRow> Shown(IReadOnlyList<LiveRow> rows, int room)
    {
        if (rows.Count <= room)
        {
            return rows;
        }

        var first = 0;
        for (var i = 0; i < rows.Count; i++)
        {
            if (rows[i].Phase is StepPhase.Running or StepPhase.Preparing)
            {
                first = i;
                break;
            }
        }

        first = Math.Clamp(first - 1, 0, rows.Count - room + 1);
        return [.. rows.Skip(first).Take(room - 1)];
    }

    private string Header(DateTimeOffset now, int width)
    {
        var clock = Clock(now - started);
        var text = CellText.Fit($"buildrunner run {style.Dot} {title.Title} {style.Dot} {title.Event}", width - clock.Length - 1, style.Ellipsis);
        return style.Bold(CellText.Pad(text, width - clock.Length)) + style.Dim(clock);
    }

    private string Footer(IReadOnlyList<LiveRow> rows, int width)
    {
        var running = rows.Count(r => r.Phase is StepPhase.Running or StepPhase.Preparing);
        var waiting = rows.Count(r => r.Phase is StepPhase.Waiting or StepPhase.Queued);
        return style.Dim(CellText.PadLeft(CellText.Fit($"{title.CtrlC} {style.Dot} {running} running, {waiting} waiting", width, style.Ellipsis), width));
    }

    private string Row(LiveRow row, DateTimeOffset now, int labels, int images, int width)
    {
        var label = CellText.Pad(CellText.Fit(row.Label, labels, style.Ellipsis), labels);
        var sign = row.Phase switch
        {
            StepPhase.Done { Conclusion: Outcome.Success, Outcome: not Outcome.Success } => style.Warning,
            StepPhase.Done done => style.Sign(done.Outcome),
            StepPhase.Running or StepPhase.Preparing => style.Running,
            _ => style.Waiting,
        };
        var head = $"{style.Column(sign)} {label}";
        var used = style.SignWidth + 1 + labels;
        if (Note(row) is { } reason)
        {
            return $"{head}  {style.Dim(CellText.Fit(reason, width - used - 2, style.Ellipsis))}";
        }

        var image = images == 0 ? "" : "  " + style.Dim(CellText.Pad(CellText.Fit(ImageOf(row), images, style.Ellipsis), images));
        var time = CellText.PadLeft(Time(row, now), TimeWidth);
        var room = width - used - TimeWidth - 3 - (image.Length == 0 ? 0 : images + 2);

        // A word and a half tell less than nothing.
        return room >= MinDetail && Detail(row, room) is { Length: > 0 } detail ? $"{head}{image}{time}   {detail}" : $"{head}{image}{time}";
    }

    private static string ImageOf(LiveRow row) => Words.WithoutHost(row.Plan.Image);

    // For a step without a time: why there is none.
    private string? Note(LiveRow row) => row.Phase switch
    {
        StepPhase.Waiting => WithPull(row, "waits for " + (row.Plan.DependsOn.Count == 0 ? "its workflow" : string.Join(", ", row.Plan.DependsOn.Select(d => d.Name)))),
        StepPhase.Queued { Attempt: > 1 } queued => $"attempt {queued.Attempt} waits for its turn",
        StepPhase.Queued => WithPull(row, "waits for its turn"),
        StepPhase.Preparing => row.Pull ?? "prepares",
        StepPhase.Done done when row.Last is null => Words.Short(done),
        _ => null,
    };

    private string WithPull(LiveRow row, string text) => row.Pull is null ? text : $"{text} {style.Dot} {row.Pull}";

    private static string Time(LiveRow row, DateTimeOffset now) => row.Phase switch
    {
        StepPhase.Running running => Durations.Text(now - running.Since),
        _ => Durations.Text(row.Last?.Phases.Run ?? TimeSpan.Zero),
    };

    private string Detail(LiveRow row, int room)
    {
        if (row.Phase is not StepPhase.Done done)
        {
            return row.Phase is StepPhase.Running { Attempt: > 1 } running ? style.Yellow($"attempt {running.Attempt}") : "";
        }

        var parts = new List<string> { Words.Short(done) };
        if (row.Last is { Phases: { } phases } && phases.Pull > TimeSpan.FromSeconds(1))
        {
            parts.Add($"image {Durations.Text(phases.Pull)}");
        }

        if (row.Last is { Number: > 1 and var attempts })
        {
            parts.Add($"{attempts} attempts");
        }

        var text = CellText.Fit(string.Join($" {style.Dot} ", parts.Where(p => p.Length > 0)), room, style.Ellipsis);
        return done.Conclusion is Outcome.Success ? style.Dim(text) : style.Red(text);
    }

    private static string Clock(TimeSpan elapsed) => elapsed.TotalHours < 1
        ? $"{(int)elapsed.TotalMinutes:00}:{elapsed.Seconds:00}"
        : $"{(int)elapsed.TotalHours}:{elapsed.Minutes:00}:{elapsed.Seconds:00}";
}
