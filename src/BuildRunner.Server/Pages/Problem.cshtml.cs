using Microsoft.AspNetCore.Mvc;

namespace BuildRunner.Server.Pages;

/// <summary>What people see in place of a page: each says what to do next.</summary>
[IgnoreAntiforgeryToken]
public sealed class ProblemPage : SitePage
{
    /// <summary>A few words.</summary>
    public string Heading { get; private set; } = "";

    /// <summary>What to do.</summary>
    public string WhatToDo { get; private set; } = "";

    /// <summary>Finds the error in the log; null: it is none of ours.</summary>
    public string? Reference { get; private set; }

    /// <summary>Answers in place of a page.</summary>
    public void OnGet(int status) => Show(status);

    /// <summary>Answers in place of what a form asked for.</summary>
    public void OnPost(int status) => Show(status);

    private void Show(int status)
    {
        State = status >= 500 ? "error" : null;
        (Heading, WhatToDo) = status switch
        {
            400 => ("That was not understood", "The form is older than your session, or was changed on the way. Go back, load the page again, and try once more."),
            403 => ("You may not do that", Who is { } who ? $"You are signed in as {who}. Sign in as somebody who may, or ask an administrator for a token with the scope that this needs." : "Sign in first."),
            404 => ("There is no such page", "It may have been removed, or you may not see it. Look for it from the dashboard."),
            409 => ("That cannot be done now", "Things have changed since the page was made. Load it again."),
            429 => ("Too often", "Wait a second, then load the page again."),
            >= 500 => ("Something went wrong here", "Nothing that you did is to blame. Load the page again; if it stays, tell an administrator the reference."),
            _ => ("That did not work", "Go back and try again."),
        };
        Title = $"{Heading} · BuildRunner";
        if (HttpContext.Features.Get<PageFault>() is { } fault)
        {
            Reference = fault.Reference;
            WhatToDo = fault.What is { } what ? $"It cannot be done now: {what}." : WhatToDo;
            HttpContext.Response.StatusCode = fault.Status;
        }
    }
}

/// <summary>Why a page could not be made.</summary>
/// <param name="Status">The answer's status.</param>
/// <param name="What">What happened and what to do, as a clause; null: a defect.</param>
/// <param name="Reference">Finds it in the server's log; null: there is nothing more to find.</param>
internal sealed record PageFault(int Status, string? What, string? Reference);
