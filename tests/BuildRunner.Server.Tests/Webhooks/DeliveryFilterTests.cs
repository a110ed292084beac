using System.Text.Json;
using BuildRunner.Server.Webhooks;

namespace BuildRunner.Server.Tests.Webhooks;

public sealed class DeliveryFilterTests
{
    private const string Delivery = """{"action": "published", "draft": false, "n": 3, "ref": "refs/tags/v1", "nothing": null}""";

    [Fact]
    public void All_conditions_must_hold() => Assert.Null(WhyNot(
        new DeliveryFilter.OneOf(At("/action"), ["released", "published"]),
        new DeliveryFilter.OneOf(At("/draft"), ["false"]),
        new DeliveryFilter.OneOf(At("/n"), ["3"]),
        new DeliveryFilter.StartsWith(At("/ref"), "refs/tags/"),
        new DeliveryFilter.Present(At("/ref"), true),
        new DeliveryFilter.Present(At("/nothing"), false)));

    [Fact]
    public void The_first_that_does_not_hold_is_named()
    {
        var why = WhyNot(new DeliveryFilter.OneOf(At("/action"), ["published"]), new DeliveryFilter.StartsWith(At("/ref"), "refs/heads/"));
        Assert.Equal("the value at '/ref' does not begin with refs/heads/", why);
    }

    [Fact]
    public void What_is_not_there_holds_no_condition_but_absence()
    {
        Assert.NotNull(WhyNot(new DeliveryFilter.OneOf(At("/x"), [""])));
        Assert.NotNull(WhyNot(new DeliveryFilter.StartsWith(At("/x"), "")));
        Assert.NotNull(WhyNot(new DeliveryFilter.Present(At("/x"), true)));
    }

    private static string? WhyNot(params DeliveryFilter[] filters)
    {
        using var document = JsonDocument.Parse(Delivery);
        return DeliveryFilter.WhyNot(filters, document.RootElement);
    }

    private static JsonPointer At(string text)
    {
        Assert.True(JsonPointer.TryParse(text, out var pointer));
        return pointer;
    }
}
