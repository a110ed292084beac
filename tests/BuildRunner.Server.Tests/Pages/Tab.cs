using System.Collections.Concurrent;
using System.Text.Json.Nodes;

namespace BuildRunner.Server.Tests.Pages;

/// <summary>One tab.</summary>
internal sealed class Tab : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private readonly Chromium browser;
    private readonly string session;
    private readonly string target;
    private readonly string context;
    private TaskCompletionSource loaded = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private Tab(Chromium browser, string session, string target, string context)
    {
        this.browser = browser;
        this.session = session;
        this.target = target;
        this.context = context;
        browser.Happened += Take;
    }

    /// <summary>What the browser complained about: errors of scripts, refusals of the content policy, files that are missing.</summary>
    public ConcurrentQueue<string> Complaints { get; } = [];

    public static async Task<Tab> BeginAsync(Chromium browser, string session, string target, string context)
    {
        var tab = new Tab(browser, session, target, context);
        foreach (var domain in new[] { "Page", "Runtime", "Log", "Network" })
        {
            await tab.CallAsync($"{domain}.enable", []);
        }

        await tab.SizeAsync(1280, 900);
        return tab;
    }

    /// <summary>Goes to an address and waits until it is loaded.</summary>
    public async Task GoAsync(string url)
    {
        loaded = new(TaskCreationOptions.RunContinuationsAsynchronously);
        var answer = await CallAsync("Page.navigate", new() { ["url"] = url });
        Assert.Null((string?)answer["errorText"]);
        if (answer["loaderId"] is not null)
        {
            await loaded.Task.WaitAsync(Patience, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>Loads the page again.</summary>
    public async Task ReloadAsync()
    {
        loaded = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await CallAsync("Page.reload", []);
        await loaded.Task.WaitAsync(Patience, TestContext.Current.CancellationToken);
    }

    /// <summary>Evaluates an expression in the page; a promise is awaited.</summary>
    public async Task<JsonNode?> EvaluateAsync(string expression)
    {
        var answer = await CallAsync("Runtime.evaluate", new() { ["expression"] = expression, ["awaitPromise"] = true, ["returnByValue"] = true });
        Assert.True(answer["exceptionDetails"] is null, $"{expression}: {answer["exceptionDetails"]?.ToJsonString()}");
        return answer["result"]!["value"];
    }

    public async Task<string> TextAsync(string expression) => (string?)await EvaluateAsync(expression) ?? "";

    /// <summary>Waits until an expression holds in the page, also over a navigation.</summary>
    public async Task UntilAsync(string condition)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (true)
        {
            var answer = await CallAsync("Runtime.evaluate", new() { ["expression"] = $"Boolean({condition})", ["returnByValue"] = true });
            if (answer["exceptionDetails"] is null && (bool?)answer["result"]!["value"] == true)
            {
                return;
            }

            Assert.True(TimeProvider.System.GetElapsedTime(began) < Patience, $"did not come true: {condition}; the page says: {await TextAsync("document.body?.innerText ?? ''")}; complaints: {string.Join("; ", Complaints)}");
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>Types a key.</summary>
    public async Task KeyAsync(string key)
    {
        foreach (var type in new[] { "keyDown", "keyUp" })
        {
            var parameters = new JsonObject { ["type"] = type, ["key"] = key };
            if (key.Length == 1 && type == "keyDown")
            {
                parameters["text"] = key;
            }

            await CallAsync("Input.dispatchKeyEvent", parameters);
        }
    }

    public Task SizeAsync(int width, int height) => CallAsync("Emulation.setDeviceMetricsOverride", new() { ["width"] = width, ["height"] = height, ["deviceScaleFactor"] = 1, ["mobile"] = width < 500 });

    public Task DarkAsync(bool dark) => CallAsync("Emulation.setEmulatedMedia", new() { ["features"] = new JsonArray(new JsonObject { ["name"] = "prefers-color-scheme", ["value"] = dark ? "dark" : "light" }) });

    public Task ScriptsAsync(bool on) => CallAsync("Emulation.setScriptExecutionDisabled", new() { ["value"] = !on });

    /// <summary>Signs the browser in with a session's token.</summary>
    public Task CookieAsync(Uri url, string name, string value) => CallAsync("Network.setCookie", new() { ["name"] = name, ["value"] = value, ["url"] = url.AbsoluteUri, ["httpOnly"] = true });

    /// <summary>What is to be seen, as PNG.</summary>
    public async Task<byte[]> ScreenshotAsync() => Convert.FromBase64String((string)(await CallAsync("Page.captureScreenshot", new() { ["format"] = "png" }))["data"]!);

    public async ValueTask DisposeAsync()
    {
        browser.Happened -= Take;
        await browser.CallAsync(null, "Target.closeTarget", new() { ["targetId"] = target });
        await browser.CallAsync(null, "Target.disposeBrowserContext", new() { ["browserContextId"] = context });
    }

    private Task<JsonNode> CallAsync(string method, JsonObject parameters) => browser.CallAsync(session, method, parameters);

    private void Take(string from, string method, JsonNode parameters)
    {
        if (from != session)
        {
            return;
        }

        switch (method)
        {
            case "Page.loadEventFired":
                loaded.TrySetResult();
                break;
            case "Runtime.exceptionThrown":
                Complaints.Enqueue(parameters["exceptionDetails"]!.ToJsonString());
                break;
            case "Log.entryAdded" when (string)parameters["entry"]!["level"]! == "error":
                Complaints.Enqueue(parameters["entry"]!.ToJsonString());
                break;
        }
    }
}
