namespace BuildRunner.Server.Pages;

/// <summary>Which icon a page has in the browser's tab.</summary>
public static class Icons
{
    /// <summary>The icon's name for a state; null is a page without one.</summary>
    public static string Of(string? state) => state switch
    {
        null => "plain",
        "success" or "skipped" => "success",
        "running" or "preparing" or "queued" or "waiting" => "running",
        "blocked" => "blocked",
        "cancelled" => "cancelled",
        "error" or "lost" => "error",
        _ => "failure",
    };
}
