using BuildRunner.Core.Planning;

namespace BuildRunner.Core.Tests.Planning;

public sealed class Devices_of_a_step
{
    [Theory]
    [InlineData("/dev/fuse", "/dev/fuse", "/dev/fuse", "rwm")]
    [InlineData("/dev/snd:/dev/sound", "/dev/snd", "/dev/sound", "rwm")]
    [InlineData("/dev/snd/:/dev/snd", "/dev/snd", "/dev/snd", "rwm")]
    [InlineData("/dev/kvm:r", "/dev/kvm", "/dev/kvm", "r")]
    [InlineData("/dev/kvm:/dev/k:wm", "/dev/kvm", "/dev/k", "wm")]
    public void They_are_written_as_for_docker(string text, string source, string target, string access)
    {
        Assert.True(DeviceRequest.TryParse(text, out var device, out _));
        Assert.Equal(new DeviceRequest(source, target, access), device);
    }

    [Theory]
    [InlineData("", "absolute paths")]
    [InlineData("fuse", "absolute paths")]
    [InlineData("/", "absolute paths")]
    [InlineData("/dev/fuse:fuse", "absolute paths")]
    [InlineData("/dev/fuse:", "absolute paths")]
    [InlineData("/dev/../etc", "absolute paths")]
    [InlineData("/dev/fuse:/dev/fuse:x", "access of `rwm`")]
    [InlineData("/dev/fuse:/dev/fuse:rr", "access of `rwm`")]
    [InlineData("/dev/fuse:/dev/fuse:", "access of `rwm`")]
    [InlineData("/a:/b:r:w", "access of `rwm`")]
    [InlineData("nvidia.com/gpu=all", "CDI")]
    public void What_is_wrong_is_said(string text, string problem)
    {
        Assert.False(DeviceRequest.TryParse(text, out _, out var said));
        Assert.Contains(problem, said, StringComparison.Ordinal);
    }

    [Fact]
    public void They_are_in_the_plan_and_each_has_a_place_of_its_own()
    {
        Assert.Equal(["/dev/kvm", "/dev/fuse:/dev/x:rw"], Plans.StepWith("commands: id\ndevices: [/dev/kvm, '/dev/fuse:/dev/x:rw']").Devices);
        var twice = Assert.Single(Plans.Errors("steps: {a: {image: alpine, commands: id, devices: [/dev/kvm, '/dev/fuse:/dev/kvm']}}"));
        Assert.Contains("two devices of this step are to be at `/dev/kvm`", twice.Message, StringComparison.Ordinal);
        Assert.Equal((1, 62), (twice.Location.Line, twice.Location.Column));
    }
}
